package reactors

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"
)

// Ledger is where runs are kept. The store implements it.
type Ledger interface {
	// RunForAttempt returns a run and counts the attempt if the run is
	// pending; attempt is 1 for the first.
	RunForAttempt(ctx context.Context, id int64) (run Run, state RunState, attempt int, err error)
	// FinishRun ends a pending run; it does nothing to a run that has ended.
	FinishRun(ctx context.Context, id int64, state RunState, reason string) error
	// SkipIfGone ends the run as skipped if its member isn't in its space.
	SkipIfGone(ctx context.Context, run Run) (skipped bool, err error)
	// ReserveWrite answers how long the run has to wait for the next free
	// turn to write to its space; its turn is kept for it.
	ReserveWrite(ctx context.Context, space string, runID int64, interval time.Duration) (wait time.Duration, err error)
}

// Settler is a Reactor that can tell whether an earlier attempt of a run took
// effect although its outcome was lost.
type Settler interface {
	Settled(context.Context, Run) (bool, error)
}

// DispatcherOptions are the settings of a Dispatcher.
type DispatcherOptions struct {
	// WriteInterval is the time between two writes to one space, over all
	// replicas. Google allows one a second, shared by all apps in the space.
	WriteInterval time.Duration
	// Now is the clock that ages are measured by; default time.Now.
	Now func() time.Time
	// Observe is called when a run has ended; default: nothing.
	Observe func(Run, RunState, string)
}

// Dispatcher is the River worker that carries runs out, one attempt at a
// time. Several replicas may run it: River gives each job to one of them, and
// the effect itself is idempotent should a job be given out twice.
//
// An attempt goes: load the run, let it expire if it is too old, skip it if
// the person has left, wait for the space's turn, act, store how it ended.
type Dispatcher struct {
	river.WorkerDefaults[RunArgs]
	reactors map[string]Reactor
	ledger   Ledger
	log      *zap.Logger
	opts     DispatcherOptions
}

// NewDispatcher returns a Dispatcher for the given reactors.
func NewDispatcher(rs []Reactor, ledger Ledger, log *zap.Logger, opts DispatcherOptions) *Dispatcher {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Observe == nil {
		opts.Observe = func(Run, RunState, string) {}
	}
	byName := make(map[string]Reactor, len(rs))
	for _, r := range rs {
		byName[r.Name()] = r
	}
	return &Dispatcher{reactors: byName, ledger: ledger, log: log, opts: opts}
}

// jobTimeout bounds one attempt.
const jobTimeout = 30 * time.Second

// shortWait is the longest wait for a turn that an attempt sits out itself;
// for a longer one the job is put back, so that others get its place.
const shortWait = 250 * time.Millisecond

// Timeout implements river.Worker.
func (d *Dispatcher) Timeout(*river.Job[RunArgs]) time.Duration { return jobTimeout }

// Work implements river.Worker.
func (d *Dispatcher) Work(ctx context.Context, job *river.Job[RunArgs]) error {
	run, state, attempt, err := d.ledger.RunForAttempt(ctx, job.Args.RunID)
	if err != nil {
		return fmt.Errorf("load run %d: %w", job.Args.RunID, err)
	}
	if state != RunPending {
		return nil
	}
	reactor, ok := d.reactors[run.Reactor]
	if !ok {
		return d.finish(ctx, run, RunParked, fmt.Sprintf("this worker has no reactor %q: enable it in the configuration, or leave the run", run.Reactor))
	}

	if limit := reactor.MaxAge(); limit > 0 && d.opts.Now().Sub(run.EventTime) > limit {
		return d.expire(ctx, reactor, run, attempt, limit)
	}
	if run.Member != "" {
		if skipped, err := d.ledger.SkipIfGone(ctx, run); err != nil {
			return fmt.Errorf("check membership for run %d: %w", run.ID, err)
		} else if skipped {
			d.opts.Observe(run, RunSkipped, "left")
			return nil
		}
	}
	if wait, err := d.ledger.ReserveWrite(ctx, run.Space, run.ID, d.opts.WriteInterval); err != nil {
		return fmt.Errorf("reserve a write to %s for run %d: %w", run.Space, run.ID, err)
	} else if wait > shortWait {
		return river.JobSnooze(wait)
	} else if wait > 0 {
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
	return d.settle(ctx, run, attempt, reactor.Act(ctx, run))
}

// settle stores how an attempt ended, or puts the job back.
func (d *Dispatcher) settle(ctx context.Context, run Run, attempt int, err error) error {
	switch {
	case err == nil:
		return d.finish(ctx, run, RunSent, "")
	case IsPermanent(err):
		d.log.Error("a run is parked: a person has to look at it",
			zap.Int64("run_id", run.ID), zap.String("reactor", run.Reactor), zap.String("space", run.Space), zap.Error(err))
		return d.finish(ctx, run, RunParked, err.Error())
	}
	wait, asked := RetryDelay(err)
	if !asked {
		wait = retryPause(attempt)
	}
	d.log.Warn("a run did not go through and will be tried again",
		zap.Int64("run_id", run.ID), zap.String("reactor", run.Reactor), zap.String("space", run.Space),
		zap.Int("attempt", attempt), zap.Duration("retry_in", wait), zap.Error(err))
	// A snooze and not an error: River would give up after a number of
	// errors, and what ends our retries is the run's age.
	return river.JobSnooze(wait)
}

// expire ends a run that is too old, unless an earlier attempt went through
// without our knowing.
func (d *Dispatcher) expire(ctx context.Context, reactor Reactor, run Run, attempt int, limit time.Duration) error {
	if s, ok := reactor.(Settler); ok && attempt > 1 {
		done, err := s.Settled(ctx, run)
		if err != nil && !IsPermanent(err) {
			return river.JobSnooze(retryPause(attempt))
		}
		if done {
			return d.finish(ctx, run, RunSent, "")
		}
	}
	return d.finish(ctx, run, RunExpired, fmt.Sprintf("its event was more than %s old", limit))
}

func (d *Dispatcher) finish(ctx context.Context, run Run, state RunState, reason string) error {
	if err := d.ledger.FinishRun(ctx, run.ID, state, reason); err != nil {
		return fmt.Errorf("store that run %d is %s: %w", run.ID, state, err)
	}
	d.opts.Observe(run, state, reason)
	return nil
}

// retryPause is Google's truncated exponential backoff: 2^n seconds and up to
// one more, at most about a minute.
func retryPause(attempt int) time.Duration {
	return time.Second<<min(attempt-1, 6) + rand.N(time.Second)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), context.Cause(ctx))
	}
}
