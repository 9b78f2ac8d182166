package subscriptions

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// AddWorkers adds the worker of jobs.Keep, which runs the keeper's passes. It
// calls report, which may be nil, after each.
func (k *Keeper) AddWorkers(workers *river.Workers, report func(Report, error)) error {
	if report == nil {
		report = func(Report, error) {}
	}
	// A pass ends within its budget and one call more.
	return jobs.AddWorker(workers, k.opts.Budget+2*callTimeout, func(ctx context.Context, _ *river.Job[jobs.Keep]) error {
		began := time.Now()
		r, err := k.Pass(ctx)
		report(r, err)
		return k.logPass(ctx, time.Since(began), r, err)
	})
}

// Periodic returns the job that runs a pass every interval.
func Periodic(interval time.Duration) *river.PeriodicJob {
	return jobs.Every(interval, func(at time.Time) river.JobArgs {
		return jobs.Keep{Slot: at.Truncate(jobs.KeepSlot)}
	}, jobs.KeepOpts())
}

// logPass logs how a pass went, and returns its error for River to retry.
func (k *Keeper) logPass(ctx context.Context, took time.Duration, r Report, err error) error {
	if err != nil {
		if ctx.Err() == nil {
			k.opts.Log.Error("subscriptions not compared; retrying", zap.Error(err))
		}
		return err
	}
	fields := []zap.Field{
		zap.Duration("took", took), zap.Int("failed", r.Failed), zap.Int("parked", r.Parked), zap.Int("left", r.Left),
	}
	changed := 0
	for kind, n := range r.Actions {
		if kind.Mutates() {
			changed += n
			fields = append(fields, zap.Int(string(kind), n))
		}
	}
	if changed+r.Failed+r.Parked > 0 {
		k.opts.Log.Info("keeper pass finished", fields...)
	}
	return nil
}
