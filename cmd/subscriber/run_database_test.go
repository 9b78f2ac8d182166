package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

const noConnection = "no connection to the database; trying again"

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
	if !strings.Contains(logged(t, p, noConnection, "error"), missing) {
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
	if n := strings.Count(p.stderr.String(), noConnection); n != 1 {
		t.Errorf("the log says %d times that the database is away, want once", n)
	}
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
	for line := range strings.Lines(p.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a log line is not JSON: %s", line)
		}
	}
}

// What waits for a database can be stopped.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, newForwarder(t, migratedDatabase(t)).dsn)
	p := start(t, w.env, "run")
	eventually(t, p, "the worker waits", func() bool {
		return logged(t, p, noConnection, "error") != ""
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

// While the database is away for seconds, the log says so once for each part
// that notices, and not what each of its many attempts came to.
func TestLogOfAnOutage(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	f := newForwarder(t, dsn)
	f.listen(t)
	w := newWorkspace(t, f.dsn)
	p := start(t, w.env, "run")
	base := "http://" + healthAddr(t, p)
	eventually(t, p, "the worker is ready", func() bool {
		status, _ := get(t, base+"/-/ready")
		return status == http.StatusOK
	})
	before := len(p.stderr.String())
	f.cut()
	w.post(t, "hello")
	eventually(t, p, "the worker isn't ready", func() bool {
		status, _ := get(t, base+"/-/ready")
		return status == http.StatusServiceUnavailable
	})
	<-time.After(6 * time.Second)
	f.listen(t)
	eventually(t, p, "the event is recorded", func() bool {
		return query[int](t, dsn, "SELECT count(*)::int FROM events") == 1
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
	said := map[string]int{}
	for line := range strings.Lines(p.stderr.String()[before:]) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("a log line is not JSON: %v\n%s", err, line)
		}
		said[entry["message"].(string)]++
		if entry["severity"] == "WARNING" || entry["severity"] == "ERROR" {
			if said[entry["message"].(string)] > 1 || entry["err"] != nil || entry["stack_trace"] != nil {
				t.Errorf("a line comes again, or is not in our form: %s", line)
			}
		}
	}
	for _, want := range []string{noConnection, "connected to the database again", "database is back; recording again"} {
		if said[want] != 1 {
			t.Errorf("the log says %d times %q, want once", said[want], want)
		}
	}
}

// forwarder is a second address of a database, at which nothing listens yet.
type forwarder struct {
	dsn, addr       string
	network, target string

	mu        sync.Mutex
	listening bool
	open      []io.Closer
	all       sync.WaitGroup
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
	t.Cleanup(f.cut)
	return f
}

func (f *forwarder) listen(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.listening = true
	f.mu.Unlock()
	f.track(l)
	f.all.Go(func() {
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
			f.track(in, out)
			f.all.Go(func() { pass(in, out) })
			f.all.Go(func() { pass(out, in) })
		}
	})
}

func pass(from, to net.Conn) {
	_, _ = io.Copy(to, from) // until one of them is closed
	from.Close()
	to.Close()
}

// track keeps what cut is to close. What comes after that is closed at once.
func (f *forwarder) track(c ...io.Closer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = append(f.open, c...)
	if !f.listening {
		f.closeAll()
	}
}

func (f *forwarder) closeAll() {
	for _, c := range f.open {
		c.Close()
	}
	f.open = nil
}

// cut ends all connections, and takes no new ones.
func (f *forwarder) cut() {
	f.mu.Lock()
	f.listening = false
	f.closeAll()
	f.mu.Unlock()
	f.all.Wait()
}

// A password that anybody on the machine may read doesn't pass silently.
func TestPublicSecretIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, migratedDatabase(t))
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	w.env["SPACEKEEPER_DATABASE_PASSWORD_FILE"] = file
	p := start(t, w.env, "run")
	const warned = "secret file readable for anybody on this machine; take the right away from others"
	eventually(t, p, "the worker warns", func() bool { return strings.Contains(p.stderr.String(), warned) })
	if got := logged(t, p, warned, "file"); got != file {
		t.Errorf("the file is %q, want %q", got, file)
	}
	if code := p.stop(); code != cli.OK || strings.Contains(p.stderr.String(), "canary") {
		t.Errorf("exit code %d:\n%s", code, p.stderr.String())
	}
}
