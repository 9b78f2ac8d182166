package jobs_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// A difference is known as closely as an answer took, and one that fits stays.
func TestClockIsMeasured(t *testing.T) {
	t.Parallel()
	var c jobs.Clock
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, m := range []struct{ asked, database, answered, want time.Duration }{
		{0, 10 * time.Millisecond, 20 * time.Millisecond, 0},
		{0, time.Hour, 2 * time.Second, time.Hour - 2*time.Second},
		{0, time.Hour, 10 * time.Millisecond, time.Hour - 10*time.Millisecond},
		{0, time.Hour + 5*time.Second, 10 * time.Second, time.Hour - 10*time.Millisecond},
		{0, -time.Hour, time.Second, -time.Hour},
		{0, 0, 0, 0},
	} {
		if c.Measured(at.Add(m.asked), at.Add(m.database), at.Add(m.answered)); c.Ahead() != m.want {
			t.Errorf("%+v: the difference is %s", m, c.Ahead())
		}
	}
}

// What the clock of the database says changes nothing about which jobs are
// worked on, and when: those that are to be done at once, later, again, and
// regularly; and a job under way isn't given to another.
func TestJobsGoByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			env := storetest.Open(t, storetest.ShiftClock(t, storetest.NewDSN(t), by), storetest.Options{})
			if _, err := env.Pool().Exec(t.Context(), `SELECT`); err != nil { // the first connection measures
				t.Fatal(err)
			}
			clock := env.Store.Clock()
			if got := clock.Ahead(); (got - by).Abs() > time.Second {
				t.Fatalf("the database's clock is %s ahead, want %s", got, by)
			}
			worked := make(chan string, 10)
			workers := river.NewWorkers()
			again := map[string]bool{}
			if err := jobs.AddWorker(workers, 0, func(_ context.Context, job *river.Job[jobs.Members]) error {
				worked <- job.Args.Space
				if job.Args.Space == "again" && !again[job.Args.Space] {
					again[job.Args.Space] = true
					return river.JobSnooze(time.Millisecond)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if err := jobs.AddWorker(workers, 0, func(context.Context, *river.Job[jobs.Keep]) error {
				worked <- "regularly"
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			client, err := jobs.NewClient(env.Pool(), clock, zap.NewNop(), jobs.Options{
				Queues: map[string]int{jobs.QueueMembers: 1, jobs.QueueKeeper: 1}, Workers: workers, Grace: time.Second,
				Periodic: []*river.PeriodicJob{jobs.Every(time.Hour, func(at time.Time) river.JobArgs { return jobs.Keep{Slot: at} }, jobs.KeepOpts())},
			})
			if err != nil {
				t.Fatal(err)
			}
			insert := func(space string, at time.Time) {
				t.Helper()
				opts := &river.InsertOpts{Queue: jobs.QueueMembers, ScheduledAt: at}
				if err := pgx.BeginFunc(t.Context(), env.Pool(), func(tx pgx.Tx) error {
					_, err := env.Store.Jobs().InsertManyFastTx(t.Context(), tx, []river.InsertManyParams{{Args: jobs.Members{Space: space}, InsertOpts: opts}})
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			insert("at once", time.Time{})
			insert("later", time.Now().Add(time.Second))
			insert("again", time.Time{})
			insert("in an hour", time.Now().Add(time.Hour))
			ctx, cancel := context.WithCancel(t.Context())
			if err := client.Start(ctx); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cancel()
				<-client.Stopped()
			}()
			want := map[string]int{"at once": 1, "later": 1, "again": 2, "regularly": 1}
			for deadline := time.After(30 * time.Second); len(want) > 0; {
				select {
				case what := <-worked:
					if want[what]--; want[what] <= 0 {
						delete(want, what)
					}
				case <-deadline:
					t.Fatalf("these were not worked on within 30 s: %v", want)
				}
			}
		})
	}
}

// A job that runs belongs to its worker until it has been running for long; the
// worker's clock, which River asks for that, may differ from the database's.
func TestRunningJobsAreNotStuck(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			env := storetest.Open(t, storetest.ShiftClock(t, storetest.NewDSN(t), by), storetest.Options{})
			for _, began := range []string{"1 second", "10 minutes"} {
				if _, err := env.Pool().Exec(t.Context(), fmt.Sprintf(`
					INSERT INTO river_job (args, attempted_at, attempt, kind, max_attempts, queue, state)
					VALUES ('{}', now() - interval '%s', 1, 'keep', 3, 'keeper', 'running')`, began)); err != nil {
					t.Fatal(err)
				}
			}
			executor := jobs.NewDriver(env.Pool(), env.Store.Clock()).GetExecutor()
			horizon := time.Now().Add(-time.Minute)
			stuck, err := executor.JobGetStuck(t.Context(), &riverdriver.JobGetStuckParams{Max: 10, StuckHorizon: horizon})
			if err != nil {
				t.Fatal(err)
			}
			if len(stuck) != 1 || (time.Since(*stuck[0].AttemptedAt)-10*time.Minute).Abs() > 10*time.Second {
				t.Fatalf("stuck are %+v, want the one that began 10 minutes ago", stuck)
			}
			if _, err := executor.JobRescueMany(t.Context(), &riverdriver.JobRescueManyParams{
				ID: []int64{stuck[0].ID}, Error: [][]byte{[]byte(`{}`)}, FinalizedAt: []*time.Time{nil},
				ScheduledAt: []time.Time{time.Now().Add(time.Minute)}, State: []string{string(rivertype.JobStateRetryable)}, StuckHorizon: horizon,
			}); err != nil {
				t.Fatal(err)
			}
			var wait time.Duration
			if err := env.Pool().QueryRow(t.Context(), `SELECT scheduled_at - now() FROM river_job WHERE state = 'retryable'`).Scan(&wait); err != nil {
				t.Fatal(err)
			}
			if wait.Round(20*time.Second) != time.Minute {
				t.Errorf("the job is tried again in %s, want a minute", wait)
			}
			if _, err := env.Pool().Exec(t.Context(), `
				INSERT INTO river_job (args, attempt, finalized_at, kind, max_attempts, queue, state)
				SELECT '{}', 1, now() - make_interval(mins => m), 'keep', 3, 'keeper', 'completed'
				FROM unnest(ARRAY[30, 90]) AS m`); err != nil {
				t.Fatal(err)
			}
			deleted, err := executor.JobDeleteBefore(t.Context(), &riverdriver.JobDeleteBeforeParams{
				Max: 10, CompletedDoDelete: true, CompletedFinalizedAtHorizon: time.Now().Add(-time.Hour),
				CancelledFinalizedAtHorizon: time.Now(), DiscardedFinalizedAtHorizon: time.Now(),
			})
			if err != nil || deleted != 1 {
				t.Errorf("%d jobs were deleted, %v; want the one that ended over an hour ago", deleted, err)
			}
		})
	}
}
