package jobs_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// readConn calls reading before each read.
type readConn struct {
	net.Conn
	reading *atomic.Pointer[context.CancelFunc]
}

func (c readConn) Read(b []byte) (int, error) {
	if call := c.reading.Load(); call != nil {
		(*call)()
	}
	return c.Conn.Read(b)
}

// A wait for notifications ends with its context, and its connection goes on. No
// other is opened to cancel it, as for a statement.
func TestWaitForNotificationEndsWithoutTheServer(t *testing.T) {
	t.Parallel()
	config := storetest.Open(t, storetest.NewDSN(t), storetest.Options{}).Pool().Config()
	var dialed atomic.Int32
	var reading atomic.Pointer[context.CancelFunc]
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialed.Add(1)
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return readConn{conn, &reading}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	listener := jobs.NewDriver(pool, &jobs.Clock{}).GetListener(&riverdriver.GetListenenerParams{})
	if err := listener.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer listener.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // it may be closed
	before := dialed.Load()
	for _, topic := range []string{"one", "two"} {
		ctx, cancel := context.WithCancel(t.Context())
		reading.Store(&cancel)
		if _, err := listener.WaitForNotification(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("the wait ended with %v", err)
		}
		reading.Store(nil)
		if err := listener.Listen(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(t.Context(), `SELECT pg_notify(current_schema() || '.two', 'hello')`); err != nil {
		t.Fatal(err)
	}
	got, err := listener.WaitForNotification(t.Context())
	if err != nil || got.Topic != "two" || got.Payload != "hello" {
		t.Errorf("the notification is %+v, %v", got, err)
	}
	if n := dialed.Load() - before; n != 1 { // that of the statement
		t.Errorf("%d connections were opened, want 1: the server has nothing to cancel", n)
	}
}
