package subscriptions

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// keeping is the worker of jobs.Keep.
type keeping struct {
	river.WorkerDefaults[jobs.Keep]
	keeper *Keeper
	report func(Report, error) // called after each pass
}

// AddWorkers adds the worker of jobs.Keep, which runs the keeper's passes. It
// calls report, which may be nil, after each.
func (k *Keeper) AddWorkers(workers *river.Workers, report func(Report, error)) error {
	if report == nil {
		report = func(Report, error) {}
	}
	if err := river.AddWorkerSafely(workers, &keeping{keeper: k, report: report}); err != nil {
		return fmt.Errorf("add the worker of keep jobs: %w", err)
	}
	return nil
}

// Periodic returns the job that runs a pass every interval.
func Periodic(interval time.Duration) *river.PeriodicJob {
	return jobs.Every(interval, func(at time.Time) river.JobArgs {
		return jobs.Keep{Slot: at.Truncate(jobs.KeepSlot)}
	}, jobs.KeepOpts())
}

// Timeout implements river.Worker. A pass ends within its budget and one call
// more.
func (w *keeping) Timeout(*river.Job[jobs.Keep]) time.Duration {
	return w.keeper.opts.Budget + 2*callTimeout
}

// Work implements river.Worker.
func (w *keeping) Work(ctx context.Context, job *river.Job[jobs.Keep]) error {
	began := time.Now()
	r, err := w.keeper.Pass(ctx)
	w.report(r, err)
	log := w.keeper.opts.Log
	if err != nil {
		if ctx.Err() == nil {
			log.Error("subscriptions not compared; retrying", zap.Error(err))
		}
		return err
	}
	fields := []zap.Field{
		zap.Duration("took", time.Since(began)), zap.Int("failed", r.Failed), zap.Int("parked", r.Parked), zap.Int("left", r.Left),
	}
	changed := 0
	for kind, n := range r.Actions {
		if kind.Mutates() {
			changed += n
			fields = append(fields, zap.Int(string(kind), n))
		}
	}
	if changed+r.Failed+r.Parked > 0 {
		log.Info("subscriptions kept", fields...)
	}
	return nil
}
