package demo

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/worker"
)

// restartableWorker is a worker that the demo can stop and start again.
type restartableWorker struct {
	config  config.Config
	log     *zap.Logger
	options worker.Options

	worker *worker.Worker // nil while stopped
	cancel context.CancelFunc
	ended  chan error // how the worker ended
	failed chan error // receives the error of a worker that ends by itself
}

// start starts a worker. It goes on when ctx ends, to record what has happened
// until then.
func (r *restartableWorker) start(ctx context.Context) error {
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	if r.worker, err = worker.New(ctx, r.config, r.log, r.options); err != nil {
		r.cancel()
		return err
	}
	r.ended = make(chan error, 1)
	go func(w *worker.Worker, ended chan<- error) {
		err := w.Run(ctx)
		if ctx.Err() == nil {
			r.failed <- fmt.Errorf("the worker ended by itself: %w", err)
		}
		ended <- err
	}(r.worker, r.ended)
	return nil
}

// stop stops it as a deploy would, and waits. A stopped worker stays so.
func (r *restartableWorker) stop() error {
	if r.worker == nil {
		return nil
	}
	r.cancel()
	err := <-r.ended
	r.worker.Close()
	r.worker = nil
	if err != nil {
		return fmt.Errorf("stop the worker: %w", err)
	}
	return nil
}
