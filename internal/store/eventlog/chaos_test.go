package eventlog_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Row D1: writers that touch the same few rows in any order never deadlock.
func TestWritersDoNotDeadlock(t *testing.T) {
	t.Parallel()
	writers, batches := 8, 15
	if storetest.Full() {
		writers, batches = 16, 1000
	}
	s := storetest.New(t, storetest.Options{Now: clock, MaxConns: writers, Planner: storetest.Greeter{}})
	before := storetest.Value[int64](t, s, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 5))
			for b := range batches {
				if _, err := s.Record(t.Context(), contended(r, w, b)); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	group.Wait()
	s.Pool().Reset() // backends report their counts when they end
	if after := storetest.Value[int64](t, s, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); after != before {
		t.Errorf("deadlocks = %d, want 0", after-before)
	}
}

// contended draws 50 events about 200 keys of all kinds.
func contended(r *rand.Rand, writer, batch int) []events.Delivery {
	list := make([]events.Delivery, 50)
	for i := range list {
		k := r.IntN(200)
		space, user := fmt.Sprint("spaces/", k%7), fmt.Sprint("users/", k)
		msg := fmt.Sprint(space, "/messages/", k)
		when := at(r.IntN(1000))
		var it events.Item
		switch r.IntN(4) {
		case 0:
			it = message(events.VerbUpdated, msg, user, "x", at(0), when)
		case 1:
			it = reaction([]events.Verb{events.VerbCreated, events.VerbDeleted}[r.IntN(2)], msg, user, "👍")
		default:
			it = membership([]events.Verb{events.VerbCreated, events.VerbDeleted}[r.IntN(2)], space, user, "JOINED")
		}
		list[i] = live(fmt.Sprint(writer, "-", batch, "-", i), when, it)
	}
	return list
}

// Row D2: the reply to a COMMIT gets lost, again and again. Trying the batch
// again records nothing twice.
func TestLostCommitReplies(t *testing.T) {
	t.Parallel()
	n := 1_000
	if storetest.Full() {
		n = 10_000
	}
	dsn := storetest.NewDSN(t)
	proxy := newCuttingProxy(t, dsn)
	s := storetest.Open(t, proxy.dsn, storetest.Options{Now: clock, Planner: storetest.Greeter{}})
	all := storetest.NewMix(11).Batch(n)
	want := map[string]bool{}
	for _, d := range all {
		if it := d.Event.Items[0]; it.Kind == events.KindMembership {
			want[it.Space+it.Actor] = true
		}
	}
	for len(all) > 0 {
		k := min(len(all), 20)
		for {
			outcomes, err := s.Record(t.Context(), all[:k])
			if err == nil {
				break
			}
			if t.Context().Err() != nil {
				t.Fatal(err)
			}
			for i, o := range outcomes {
				if o != events.Unsettled {
					t.Fatalf("outcome %d = %s although Record failed: %v", i, o, err)
				}
			}
		}
		all = all[k:]
	}
	if proxy.cuts() == 0 {
		t.Fatal("the proxy cut nothing: this test shows nothing")
	}
	direct := storetest.Open(t, dsn, storetest.Options{})
	for table, want := range map[string]int{"events": n, "reactor_runs": len(want), "river_job": len(want)} {
		if got := storetest.Value[int](t, direct, `SELECT count(*) FROM `+table); got != want {
			t.Errorf("%s = %d, want %d after %d lost replies", table, got, want, proxy.cuts())
		}
	}
}

// The reply to a COMMIT gets lost, of batches and of counts: an evaluation may
// then be missing, but is never counted twice.
func TestNothingIsCountedTwice(t *testing.T) {
	t.Parallel()
	const n = 200
	dsn := storetest.NewDSN(t)
	proxy := newCuttingProxy(t, dsn)
	s := storetest.Open(t, proxy.dsn, storetest.Options{Now: storetest.Clock, Planner: storetest.NewRefusers(1)})
	for i := range n {
		m := storetest.Message(events.VerbCreated, fmt.Sprintf("spaces/S/messages/M%d", i), storetest.Ann, "hello", storetest.At(i), storetest.At(i))
		written := storetest.Live(fmt.Sprint("m", i), storetest.At(i), m)
		for {
			if _, err := s.Record(t.Context(), []events.Delivery{written}); err == nil {
				break
			}
		}
		if i%3 == 0 {
			_, _ = s.Flush(t.Context())
		}
	}
	for range 2 {
		_, _ = s.Flush(t.Context())
	}
	got := storetest.Value[int](t, storetest.Open(t, dsn, storetest.Options{}), `SELECT sum(count) FROM reactor_outcomes`)
	if got > n || got < n/3 || proxy.cuts() < n/10 {
		t.Errorf("of %d evaluations %d are counted, after %d lost replies", n, got, proxy.cuts())
	}
}

// cuttingProxy passes everything on to Postgres, but drops the connection
// instead of passing on one in five replies that end a transaction which has
// written: Postgres has committed then, and the client can't know.
type cuttingProxy struct {
	dsn    string
	mu     sync.Mutex
	seen   int
	cutOff int
}

func newCuttingProxy(t *testing.T, dsn string) *cuttingProxy {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	network, address := "tcp", net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
	if filepath.IsAbs(config.Host) {
		network, address = "unix", filepath.Join(config.Host, fmt.Sprintf(".s.PGSQL.%d", config.Port))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password),
		Host: listener.Addr().String(), Path: config.Database, RawQuery: "sslmode=disable"}
	p := &cuttingProxy{dsn: u.String()}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				_ = client.Close()
				continue
			}
			group.Go(func() { // what the client says
				_, _ = io.Copy(server, client)
				_ = server.Close()
			})
			group.Go(func() { // what the server says
				p.relay(client, server)
				_ = client.Close()
				_ = server.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	return p
}

func (p *cuttingProxy) relay(client io.Writer, server io.Reader) {
	frontend := pgproto3.NewFrontend(server, io.Discard)
	wrote := false
	for {
		msg, err := frontend.Receive()
		if err != nil {
			return
		}
		switch m := msg.(type) {
		case *pgproto3.CommandComplete:
			wrote = wrote || len(m.CommandTag) > 6 && string(m.CommandTag[:6]) == "INSERT"
		case *pgproto3.ReadyForQuery:
			if m.TxStatus == 'I' {
				if wrote && p.cut() {
					return
				}
				wrote = false
			}
		}
		packet, err := msg.Encode(nil)
		if err != nil {
			return
		}
		if _, err := client.Write(packet); err != nil {
			return
		}
	}
}

func (p *cuttingProxy) cut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen++
	if p.seen%5 != 0 {
		return false
	}
	p.cutOff++
	return true
}

func (p *cuttingProxy) cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cutOff
}

// While the database is away nothing is settled; when it is back, the same
// call goes through.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, "postgres://nobody@127.0.0.1:1/none?sslmode=disable", storetest.Options{Now: clock})
	outcomes, err := s.Record(t.Context(), []events.Delivery{join("1", 1)})
	if err == nil || outcomes[0] != events.Unsettled {
		t.Errorf("Record = %v, %v, want unsettled and an error", outcomes, err)
	}
	if err := s.Store.CheckSchema(t.Context()); err == nil || errors.As(err, new(*store.SchemaError)) {
		t.Errorf("CheckSchema = %v, want an error that is no SchemaError", err)
	}
}
