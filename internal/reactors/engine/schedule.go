package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Tick asks for the runs of schedules whose time has come.
type Tick struct {
	At time.Time `json:"at"`
}

// Kind implements river.JobArgs.
func (Tick) Kind() string { return "reactor_tick" }

// tickInterval is how often schedules are looked at: cron counts in minutes.
const tickInterval = 15 * time.Second

// Periodic returns the job that looks at schedules.
func Periodic() *river.PeriodicJob {
	return jobs.Every(tickInterval, func(at time.Time) river.JobArgs { return Tick{At: at} },
		river.InsertOpts{Queue: reactors.Queue, MaxAttempts: 1})
}

// Scheduler is the River worker of ticks. Two that look at the same time do no
// harm: a time of a rule in a space is claimed once.
type Scheduler struct {
	river.WorkerDefaults[Tick]
	book  *Book
	store *store.Store
	now   func() time.Time

	prunedAt atomic.Int64 // unix seconds
}

// pruneInterval is how often old samples are dropped: it reads whole tables.
const pruneInterval = time.Hour

// NewScheduler returns the worker; now is the clock, default time.Now.
func NewScheduler(book *Book, s *store.Store, now func() time.Time) *Scheduler {
	if now == nil {
		now = time.Now
	}
	return &Scheduler{book: book, store: s, now: now}
}

// Work implements river.Worker.
func (s *Scheduler) Work(ctx context.Context, _ *river.Job[Tick]) error {
	now := s.now()
	if err := s.Tick(ctx, now); err != nil {
		return err
	}
	last := s.prunedAt.Load()
	if now.Unix()-last < int64(pruneInterval/time.Second) || !s.prunedAt.CompareAndSwap(last, now.Unix()) {
		return nil
	}
	return s.store.PruneRuns(ctx)
}

// lookBack bounds how far back a time that was missed is looked for.
const lookBack = 24 * time.Hour

// Tick claims the runs of all times of schedules up to now that aren't too old
// to be made up for.
func (s *Scheduler) Tick(ctx context.Context, now time.Time) error {
	set := s.book.Set()
	var spaces []string
	var intents []reactors.Intent
	for _, tick := range set.Due(now.Add(-lookBack), now) {
		if now.Sub(tick.At) > tick.Rule.MaxAge {
			continue
		}
		if spaces == nil {
			var err error
			if spaces, err = s.store.KnownSpaces(ctx); err != nil {
				return err
			}
		}
		intents = append(intents, set.PlanTick(tick, spaces)...)
	}
	if len(intents) == 0 {
		return nil
	}
	if err := s.store.Claim(ctx, intents); err != nil {
		return fmt.Errorf("claim what schedules want: %w", err)
	}
	return nil
}

// AddWorkers makes s the worker of ticks.
func (s *Scheduler) AddWorkers(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, s); err != nil {
		return fmt.Errorf("register the scheduler: %w", err)
	}
	return nil
}
