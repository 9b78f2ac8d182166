package members

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// jobTimeout is enough for 50,000 members, and for all who are asked for one
// by one.
const jobTimeout = 3 * time.Minute

// worker works on jobs.Members.
type worker struct {
	river.WorkerDefaults[jobs.Members]
	seeder *Seeder
}

// AddWorkers adds what reads lists of members, for jobs of jobs.QueueMembers.
func (s *Seeder) AddWorkers(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, &worker{seeder: s}); err != nil {
		return fmt.Errorf("add the worker for lists of members: %w", err)
	}
	return nil
}

// Timeout implements river.Worker.
func (w *worker) Timeout(*river.Job[jobs.Members]) time.Duration { return jobTimeout }

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, job *river.Job[jobs.Members]) error {
	log := w.seeder.opts.Log.With(zap.String("space", job.Args.Space))
	r, err := w.seeder.Seed(ctx, job.Args.Space)
	wait, asked := reactors.RetryDelay(err)
	switch {
	case err == nil:
		log.Info("the members of a space are listed", zap.Int("members", r.Listed),
			zap.Int("changed", r.Changed), zap.Int("left", r.Left), zap.Int("unsure", r.Unsure))
		if r.Unsure > 0 && r.Left > 0 { // otherwise the same would be asked for again
			return river.JobSnooze(time.Second)
		}
		return nil
	case reactors.IsPermanent(err):
		log.Error("the members of a space can't be listed", zap.Error(err))
		return nil
	case !asked:
		wait = jobs.Pause(job.JobRow)
	}
	log.Warn("the members of a space could not be listed and will be later", zap.Duration("retry_in", wait), zap.Error(err))
	return river.JobSnooze(wait)
}
