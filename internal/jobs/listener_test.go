package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

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
	defer listener.Close(context.WithoutCancel(t.Context()))
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

// Jobs that were put off by a few seconds are told of when they are due, and not
// before, each time; so are those that the scheduler finds a little early.
func TestAlarmsTellOfJobsThatAreDue(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			env := storetest.Open(t, storetest.ShiftClock(t, storetest.NewDSN(t), by), storetest.Options{})
			if _, err := env.Pool().Exec(t.Context(), `
				INSERT INTO river_job (args, attempt, kind, max_attempts, queue, state, scheduled_at)
				SELECT '{}', 1, 'keep', 3, queue, state, now() + wait
				FROM (VALUES ('soon', 'running'::river_job_state, interval '0'), ('later', 'running', '0'), ('early', 'scheduled', '500 ms'), ('ended', 'running', '0'))
					AS j (queue, state, wait)`); err != nil {
				t.Fatal(err)
			}
			driver := jobs.NewDriver(env.Pool(), env.Store.Clock())
			executor, listener := driver.GetExecutor(), driver.GetListener(&riverdriver.GetListenenerParams{})
			if err := listener.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer listener.Close(context.WithoutCancel(t.Context()))
			type heard struct {
				got *riverdriver.Notification
				err error
			}
			all := make(chan heard)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			go func() { // it waits before anything is put off
				for range 3 {
					got, err := listener.WaitForNotification(ctx)
					all <- heard{got, err}
				}
			}()
			for queue, params := range map[string]*riverdriver.JobSetStateIfRunningParams{
				"later": riverdriver.JobSetStateSnoozedAvailable(0, time.Now().Add(time.Second), 1, nil),
				"soon":  riverdriver.JobSetStateSnoozedAvailable(0, time.Now().Add(100*time.Millisecond), 1, nil),
				"ended": riverdriver.JobSetStateCompleted(0, time.Now(), nil),
			} {
				id := storetest.Value[int64](t, env, `SELECT id FROM river_job WHERE queue = $1`, queue)
				if _, err := executor.JobSetStateIfRunningMany(t.Context(), &riverdriver.JobSetStateIfRunningManyParams{
					ID: []int64{id}, Attempt: []*int{params.Attempt}, ErrData: [][]byte{nil}, FinalizedAt: []*time.Time{params.FinalizedAt},
					MetadataDoMerge: []bool{false}, MetadataUpdates: [][]byte{nil}, ScheduledAt: []*time.Time{params.ScheduledAt}, State: []rivertype.JobState{params.State},
				}); err != nil {
					t.Fatal(err)
				}
			}
			horizon := time.Now().Add(5 * time.Second)
			if _, err := executor.JobSchedule(t.Context(), &riverdriver.JobScheduleParams{Max: 10, Now: &horizon}); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				h := <-all
				if h.err != nil {
					t.Fatal(h.err)
				}
				var payload struct{ Queue string }
				if err := json.Unmarshal([]byte(h.got.Payload), &payload); err != nil || h.got.Topic != "river_insert" {
					t.Fatalf("the notification is %+v", h.got)
				}
				due, err := executor.JobGetAvailable(t.Context(), &riverdriver.JobGetAvailableParams{ClientID: "c", MaxAttemptedBy: 1, MaxToLock: 10, Queue: payload.Queue})
				if err != nil || len(due.Jobs) != 1 {
					t.Errorf("in the queue %q are %d jobs due, %v; want one", payload.Queue, len(due.Jobs), err)
				}
			}
		})
	}
}

// Each transaction that inserts jobs tells of them, however soon it comes after
// another: that one's jobs may be taken before it commits.
func TestEachInsertIsToldOf(t *testing.T) {
	t.Parallel()
	env := storetest.Open(t, storetest.NewDSN(t), storetest.Options{})
	listener := jobs.NewDriver(env.Pool(), env.Store.Clock()).GetListener(&riverdriver.GetListenenerParams{})
	if err := listener.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer listener.Close(context.WithoutCancel(t.Context()))
	if err := listener.Listen(t.Context(), "river_insert"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, space := range []string{"spaces/1", "spaces/2"} {
		opts := &river.InsertOpts{Queue: jobs.QueueMembers}
		if err := pgx.BeginFunc(t.Context(), env.Pool(), func(tx pgx.Tx) error {
			_, err := env.Store.Jobs().InsertManyFastTx(t.Context(), tx, []river.InsertManyParams{{Args: jobs.Members{Space: space}, InsertOpts: opts}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := listener.WaitForNotification(ctx); err != nil {
			t.Fatalf("of the job of %s nobody is told: %v", space, err)
		}
	}
}
