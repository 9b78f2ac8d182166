package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// hooks let the demo watch the worker; all may be nil.
type hooks struct {
	observe    func(events.Delivery, events.Outcome)
	observeRun func(reactors.Run, reactors.Outcome, string)

	observeKeeper func(subscriptions.Action, subscriptions.Result)
	observeGap    func(store.Gap, int)
}

// worker is the parts of `subscriber run`, in the order they are started.
type worker struct {
	cfg    config.Config
	log    *zap.Logger
	chat   *gchat.Client
	store  *store.Store
	client *ingest.Client
	ingest *ingest.Worker
	jobs   *river.Client[pgx.Tx]
	health *healthServer

	keeping  keeping
	reacting reacting
}

func newWorker(ctx context.Context, cfg config.Config, log *zap.Logger, h hooks) (_ *worker, err error) {
	w := &worker{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			w.close()
		}
	}()

	if w.chat, err = openChat(ctx, cfg); err != nil {
		return nil, err
	}
	dsn, err := cfg.Database.ConnString()
	if err != nil {
		return nil, err
	}
	if w.store, err = store.Open(ctx, dsn, store.Options{Planner: &w.reacting, MaxConns: cfg.Database.MaxConns, Log: log.Named("store")}); err != nil {
		return nil, err
	}
	if err := w.store.CheckSchema(ctx); err != nil {
		return nil, explainConnecting(err)
	}
	if err := w.openRules(); err != nil {
		return nil, err
	}

	if w.client, err = openPubSub(ctx, cfg); err != nil {
		return nil, err
	}
	w.ingest = ingest.New(w.client, cfg.SubscriptionName(), w.store, log.Named("ingest"), ingest.Options{
		MaxOutstandingMessages: cfg.PubSub.MaxOutstandingMessages,
		MaxOutstandingBytes:    int(cfg.PubSub.MaxOutstandingBytes),
		Grace:                  cfg.ShutdownGrace,
		Observe:                h.observe,
	})

	queue := jobs.Options{Queues: map[string]int{}, Workers: river.NewWorkers(), Grace: cfg.ShutdownGrace}
	if err := w.addReacting(&queue, h); err != nil {
		return nil, err
	}
	if err := w.addKeeping(ctx, &queue, h); err != nil {
		return nil, err
	}
	if w.jobs, err = jobs.NewClient(w.store.Pool(), log, queue); err != nil {
		return nil, err
	}
	if cfg.Health.Addr != "" {
		if w.health, err = listenHealth(cfg.Health.Addr, w.ingest.Status,
			newMetrics(w.ingest.Status, &w.keeping.status, w.reacting.metrics.collectors(w.reacting.book)...)); err != nil {
			return nil, err
		}
		log.Info("answering health checks", zap.Stringer("addr", w.health.listener.Addr()))
	}
	return w, nil
}

// run works until ctx ends or a part fails for good; then every part stops,
// the pull first.
func (w *worker) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if err := w.jobs.Start(ctx); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	g.Go(func() error { return w.ingest.Run(ctx) })
	g.Go(func() error {
		<-ctx.Done()
		<-w.jobs.Stopped()
		return nil
	})
	g.Go(func() error { return w.keepPartitions(ctx) })
	g.Go(func() error { return w.beat(ctx) })
	g.Go(func() error { return w.watchRules(ctx) })
	g.Go(func() error {
		provision.Warn(ctx, w.client.SubscriptionAdminClient, provision.OptionsFrom(w.cfg), w.log.Named("provision"))
		return nil
	})
	if w.health != nil {
		g.Go(func() error { return w.health.serve(ctx) })
	}
	return g.Wait()
}

// keepPartitions creates the log's partitions months ahead. Should it fail
// for months, the store still creates what a batch needs.
func (w *worker) keepPartitions(ctx context.Context) error {
	tick := time.NewTicker(6 * time.Hour)
	defer tick.Stop()
	for {
		if err := w.store.EnsurePartitions(ctx, time.Now()); err != nil && ctx.Err() == nil {
			w.log.Warn("partitions ahead could not be created; will try again", zap.Error(err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// close releases what newWorker opened, in reverse.
func (w *worker) close() {
	w.reacting.close(w.log)
	if w.client != nil {
		if err := w.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
			w.log.Warn("closing the Pub/Sub client", zap.Error(err))
		}
	}
	if w.store != nil {
		w.store.Close()
	}
	if w.keeping.manager != nil {
		w.keeping.manager.Close()
	}
	if w.chat != nil {
		w.chat.Close()
	}
}
