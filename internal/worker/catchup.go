package worker

import (
	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// addCatchUp adds the jobs that read from Google what no event told.
func (w *Worker) addCatchUp(queue *jobs.Options) error {
	reader := catchup.New(w.chat, w.eventLog, w.coverage, catchup.Options{
		Types: subscriptions.EventTypesOf(w.cfg), Overlap: w.cfg.Backfill.Overlap, AsUser: w.cfg.Auth.Mode != config.AuthApp,
		Now: w.manager.Now, OnRepaired: w.opts.ObserveGap, Log: w.log.Named("catchup"),
	})
	if err := reader.AddWorkers(queue.Workers); err != nil {
		return err
	}
	queue.Queues[jobs.QueueMembers], queue.Queues[jobs.QueueFetch] = 1, catchup.MaxFetches
	if w.cfg.Backfill.Auto {
		queue.Queues[jobs.QueueSilence], queue.Queues[jobs.QueueBackfill] = 1, catchup.MaxBackfills
		queue.Periodic = append(queue.Periodic, catchup.PeriodicSilenceCheck())
	}
	return nil
}
