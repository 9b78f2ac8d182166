package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

type recorder struct {
	river.WorkerDefaults[jobs.Keep]
	slots chan time.Time
}

func (r *recorder) Work(ctx context.Context, job *river.Job[jobs.Keep]) error {
	select {
	case r.slots <- job.Args.Slot:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// The leader inserts a periodic job at once and goes on doing so.
func TestPeriodicJob(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), storetest.NewDSN(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	r := &recorder{slots: make(chan time.Time)}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, r); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	client, err := jobs.NewClient(pool, &jobs.Clock{}, zap.NewNop(), jobs.Options{
		Queues:  map[string]int{jobs.QueueKeeper: 1},
		Workers: workers,
		Periodic: []*river.PeriodicJob{jobs.Every(time.Second, func(at time.Time) river.JobArgs {
			return jobs.Keep{Slot: at}
		}, river.InsertOpts{Queue: jobs.QueueKeeper})},
		Grace: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := client.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		<-client.Stopped()
	}()
	first := receive(t, r.slots)
	if first.Before(began) {
		t.Errorf("the first job is of %s, before the client started at %s", first, began)
	}
	if second := receive(t, r.slots); !second.After(first) {
		t.Errorf("the second job is of %s, the first of %s", second, first)
	}
}

func receive(t *testing.T, from <-chan time.Time) time.Time {
	t.Helper()
	select {
	case at := <-from:
		return at
	case <-time.After(time.Minute):
		t.Fatal("no job came within 30 s")
	}
	return time.Time{}
}

func TestJitterStaysWithinATenth(t *testing.T) {
	t.Parallel()
	const interval = 5 * time.Minute
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	waits := map[time.Duration]bool{}
	for range 1000 {
		wait := jobs.NextAfter(interval, now).Sub(now)
		if wait < interval*9/10 || wait > interval*11/10 {
			t.Fatalf("a job of every %s comes after %s", interval, wait)
		}
		waits[wait] = true
	}
	if len(waits) < 100 {
		t.Errorf("1000 waits had %d different lengths", len(waits))
	}
}
