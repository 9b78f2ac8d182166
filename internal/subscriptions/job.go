package subscriptions

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// keeping works on jobs.Keep.
type keeping struct {
	river.WorkerDefaults[jobs.Keep]
	keeper *Keeper
	// report is told of each pass.
	report func(Report, error)
}

// AddWorkers adds what runs the keeper's passes, for jobs of
// jobs.QueueKeeper. report, which may be nil, is told of each pass.
func (k *Keeper) AddWorkers(workers *river.Workers, report func(Report, error)) error {
	if report == nil {
		report = func(Report, error) {}
	}
	if err := river.AddWorkerSafely(workers, &keeping{keeper: k, report: report}); err != nil {
		return fmt.Errorf("add the worker for passes of the keeper: %w", err)
	}
	return nil
}

// Periodic returns the passes that nobody has to ask for.
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
			log.Error("subscriptions could not be looked at; will try again", zap.Error(err))
		}
		return err
	}
	fields := []zap.Field{zap.Duration("took", time.Since(began)), zap.Int("failed", r.Failed), zap.Int("parked", r.Parked), zap.Int("left", r.Left)}
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
