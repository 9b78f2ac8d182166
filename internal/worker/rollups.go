package worker

import (
	"context"
	"errors"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"
)

// rollupInterval is how often a pass is made over the rollups, unless they take long.
const rollupInterval = 30 * time.Second

// keepRollups keeps the rollups up to date until ctx ends. It is no job of the
// queue: a job every few seconds would write more than a pass that finds nothing.
func (w *Worker) keepRollups(ctx context.Context) error {
	for ctx.Err() == nil {
		began := time.Now()
		_, err := w.rollups.Pass(ctx)
		var unconnected *pgconn.ConnectError // which the store logs
		if err != nil && ctx.Err() == nil && !errors.As(err, &unconnected) {
			w.log.Warn("rollups not brought up to date; trying again", zap.Error(err))
		}
		// A pass that takes long leaves most of the time to others.
		_ = gax.Sleep(ctx, max(rollupInterval, 10*time.Since(began))) // the loop ends with ctx
	}
	return nil
}
