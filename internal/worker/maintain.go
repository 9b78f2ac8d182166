package worker

import (
	"context"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/store/pruning"
)

const maintainInterval = time.Hour

// maintain does what nobody asks for: it creates the log's partitions months
// ahead, drops rows that are too old, and gives runs whose job is gone another.
// Each replica does it. Should it fail for months, the store still creates the
// partitions that a batch needs.
func (w *Worker) maintain(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := w.eventLog.EnsurePartitions(ctx, time.Now()); err != nil && ctx.Err() == nil {
			w.log.Warn("next partitions not created; retrying", zap.Error(err))
		}
		lost, err := w.runs.RequestLostRuns(ctx)
		if err != nil && ctx.Err() == nil {
			w.log.Warn("runs without a job not looked for; retrying", zap.Error(err))
		}
		if lost > 0 {
			w.log.Warn("jobs of runs were gone; requested again", zap.Int("runs", lost))
		}
		dropped, err := pruning.Prune(ctx, w.store)
		if err != nil && ctx.Err() == nil {
			w.log.Warn("old rows not dropped; retrying", zap.Error(err))
		}
		if len(dropped) > 0 {
			w.log.Info("old rows dropped", zap.Any("rows", dropped))
		}
		_ = gax.Sleep(ctx, maintainInterval) // the loop ends with ctx
	}
	return nil
}
