package main

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// understudy is the demo's worker, which may leave the stage and come back.
type understudy struct {
	config config.Config
	log    *zap.Logger
	hooks  hooks

	worker *worker
	stop   context.CancelFunc
	ended  chan error // how the worker ended
	failed chan error // told if it ended by itself
}

// enter starts a worker. It outlives ctx: what has happened is to be
// recorded.
func (u *understudy) enter(ctx context.Context) error {
	ctx, u.stop = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	if u.worker, err = newWorker(ctx, u.config, u.log, u.hooks); err != nil {
		u.stop()
		return err
	}
	u.ended = make(chan error, 1)
	go func(w *worker, ended chan<- error) {
		err := w.run(ctx)
		if ctx.Err() == nil {
			u.failed <- fmt.Errorf("the worker ended by itself: %w", err)
		}
		ended <- err
	}(u.worker, u.ended)
	return nil
}

// leave stops it as a deploy would, and waits.
func (u *understudy) leave() error {
	if u.worker == nil {
		return nil
	}
	u.stop()
	err := <-u.ended
	u.worker.close()
	u.worker = nil
	if err != nil {
		return fmt.Errorf("stop the worker: %w", err)
	}
	return nil
}
