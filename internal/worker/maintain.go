package worker

import (
	"cmp"
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
		w.upkeep(ctx)
		_ = gax.Sleep(ctx, maintainInterval) // the loop ends with ctx
	}
	return nil
}

// upkeep does all of it once. It logs one line of what failed, with the first
// reason: the others are often the same.
func (w *Worker) upkeep(ctx context.Context) {
	var failed []string
	var first error
	try := func(what string, err error) {
		if err != nil {
			failed, first = append(failed, what), cmp.Or(first, err)
		}
	}
	try("create the next partitions", w.eventLog.EnsurePartitions(ctx, w.manager.Now()))
	lost, err := w.runs.RequestLostRuns(ctx)
	try("look for runs without a job", err)
	if lost > 0 {
		w.log.Warn("jobs of runs were gone; requested again", zap.Int("runs", lost))
	}
	dropped, err := pruning.Prune(ctx, w.store)
	try("drop old rows", err)
	if len(dropped) > 0 {
		w.log.Info("old rows dropped", zap.Any("rows", dropped))
	}
	if len(failed) > 0 && ctx.Err() == nil {
		w.log.Warn("upkeep failed; trying again in an hour", zap.Strings("failed", failed), zap.Error(first))
	}
}
