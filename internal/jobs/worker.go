package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"
)

// AddWorker adds work as the worker of one kind of job. An attempt may take
// the timeout, 0 for the client's.
func AddWorker[A river.JobArgs](workers *river.Workers, timeout time.Duration, work func(context.Context, *river.Job[A]) error) error {
	var args A
	if err := river.AddWorkerSafely(workers, &worker[A]{timeout: timeout, work: work}); err != nil {
		return fmt.Errorf("add the worker of %s jobs: %w", args.Kind(), err)
	}
	return nil
}

type worker[A river.JobArgs] struct {
	river.WorkerDefaults[A]
	timeout time.Duration
	work    func(context.Context, *river.Job[A]) error
}

// Timeout implements river.Worker.
func (w *worker[A]) Timeout(*river.Job[A]) time.Duration { return w.timeout }

// Work implements river.Worker.
func (w *worker[A]) Work(ctx context.Context, job *river.Job[A]) error { return w.work(ctx, job) }
