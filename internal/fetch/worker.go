package fetch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// MaxWorkers is how many calls are under way at once. Google's quota for a
// project is reached with fewer.
const MaxWorkers = 16

const (
	deniedPause = 15 * time.Minute // between attempts while the app may not read
	deniedFor   = 24 * time.Hour   // after the event; then it is given up
)

// worker works on jobs.Fetch.
type worker struct {
	river.WorkerDefaults[jobs.Fetch]
	fetcher *Fetcher
}

// AddWorkers adds what fetches, for jobs of jobs.QueueFetch.
func (f *Fetcher) AddWorkers(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, &worker{fetcher: f}); err != nil {
		return fmt.Errorf("add the worker that fetches: %w", err)
	}
	return nil
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, job *river.Job[jobs.Fetch]) error {
	f, args := w.fetcher, job.Args
	n, err := named(args)
	if err != nil {
		return river.JobCancel(err)
	}
	err = f.fetch(ctx, n, args)
	var reason string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gchat.ErrGone):
		reason = "gone"
	case errors.Is(err, gchat.ErrDenied):
		if f.opts.Now().Sub(args.EventTime) < deniedFor {
			return w.later(job, deniedPause, err)
		}
		reason = "denied"
	case errors.Is(err, errMalformed):
		reason = "malformed"
	case reactors.IsPermanent(err):
		reason = "refused"
	default:
		wait, asked := reactors.RetryDelay(err)
		if !asked {
			wait = jobs.Pause(job.JobRow)
		}
		return w.later(job, wait, err)
	}
	level := zap.WarnLevel
	if reason == "gone" {
		level = zap.DebugLevel // somebody deleted something: nothing is wrong
	}
	f.opts.Log.Log(level, "what an event is about could not be fetched", zap.String("resource", args.Resource),
		zap.String("reason", reason), zap.Error(err))
	if err := f.db.GiveUp(ctx, n, reason, err.Error()); err != nil {
		return w.later(job, jobs.Pause(job.JobRow), err)
	}
	return nil
}

// later puts the job off: River would give up after a number of errors.
func (w *worker) later(job *river.Job[jobs.Fetch], wait time.Duration, err error) error {
	w.fetcher.opts.Log.Warn("what an event is about could not be fetched and will be later",
		zap.String("resource", job.Args.Resource), zap.Duration("retry_in", wait), zap.Error(err))
	return river.JobSnooze(wait)
}

func (f *Fetcher) fetch(ctx context.Context, n store.Named, args jobs.Fetch) error {
	got, err := f.get(ctx, args)
	if err != nil {
		return err
	}
	it, err := got.read(args)
	if err != nil {
		return err
	}
	err = f.db.Enrich(ctx, n, it, got.asOf)
	if errors.Is(err, store.ErrNoEvent) {
		return nil // its month was dropped meanwhile
	}
	return err
}
