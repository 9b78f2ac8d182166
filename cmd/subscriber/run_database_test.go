package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// A worker that starts before its database waits for it: alive, not ready, with
// the reason, in a log that is JSON from its first line.
func TestStartBeforeTheDatabase(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	f := newForwarder(t, dsn)
	w := newWorkspace(t, f.dsn)
	w.post(t, "hello")
	p := start(t, w.env, "run")
	base := "http://" + healthAddr(t, p)
	const missing = "is Postgres running there? database.dsn says where it is"
	eventually(t, p, "the worker says what it waits for", func() bool {
		status, body := get(t, base+"/-/ready")
		return status == http.StatusServiceUnavailable && strings.Contains(body, missing)
	})
	if status, body := get(t, base+"/-/healthy"); status != http.StatusOK {
		t.Errorf("/-/healthy: got %d %s: a new process could do no better", status, body)
	}
	if !strings.Contains(logged(t, p, "database not reached; waiting for it", "error"), missing) {
		t.Error("the log doesn't say what the worker waits for")
	}

	f.listen(t)
	eventually(t, p, "the event is recorded", func() bool {
		return query[int](t, dsn, "SELECT count(*)::int FROM events") == 1
	})
	eventually(t, p, "the worker is ready", func() bool {
		status, _ := get(t, base+"/-/ready")
		return status == http.StatusOK
	})
	if n := strings.Count(p.stderr.String(), "waiting for it"); n != 1 {
		t.Errorf("the log says %d times that the database is away, want once", n)
	}
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

// What waits for a database can be stopped.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, newForwarder(t, migratedDatabase(t)).dsn)
	p := start(t, w.env, "run")
	eventually(t, p, "the worker waits", func() bool {
		return logged(t, p, "database not reached; waiting for it", "error") != ""
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

// forwarder is a second address of a database, at which nothing listens yet.
type forwarder struct {
	dsn, addr       string
	network, target string
}

func newForwarder(t *testing.T, dsn string) *forwarder {
	t.Helper()
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{addr: closedPort(t)}
	f.network, f.target = pgconn.NetworkAddress(c.Host, c.Port)
	u := url.URL{Scheme: "postgres", User: url.User(c.User), Host: f.addr, Path: "/" + c.Database, RawQuery: "sslmode=disable"}
	f.dsn = u.String()
	return f
}

func (f *forwarder) listen(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial(f.network, f.target)
			if err != nil {
				in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				all.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = errors.Join(pair[0].Close(), pair[1].Close())
				})
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
}
