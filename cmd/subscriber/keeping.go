package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// keeping is the part of the worker that keeps it supplied with events:
// subscriptions that live, and backfills for the times when they didn't.
type keeping struct {
	manager *subscriptions.Manager // nil if nothing is to be kept
	status  keeperStatus
}

// addKeeping adds the keeper, the backfill and the lists of members to what
// the job client will work on.
func (w *worker) addKeeping(ctx context.Context, opts *jobs.Options, h hooks) error {
	cfg := w.cfg
	var err error
	if w.keeping.manager, err = subscriptions.New(ctx, subscriptions.Options{
		Endpoint: cfg.Endpoints.WorkspaceEvents, Auth: cfg.Auth, Scopes: credentials.Scopes(cfg),
		EventTypes: subscriptions.EventTypesOf(cfg), Log: w.log.Named("subscriptions"),
	}); err != nil {
		return err
	}
	reader := catchup.New(w.chat, w.store, catchup.Options{
		Types: subscriptions.EventTypesOf(cfg), Overlap: cfg.Backfill.Overlap, AsUser: cfg.Auth.Mode != config.AuthApp,
		Now: w.keeping.manager.Now, OnRepaired: h.observeGap, Log: w.log.Named("catchup"),
	})
	if err := reader.AddWorkers(opts.Workers); err != nil {
		return err
	}
	opts.Queues[jobs.QueueMembers], opts.Queues[jobs.QueueFetch] = 1, catchup.MaxFetches
	if cfg.Backfill.Auto {
		opts.Queues[jobs.QueueSilence] = 1
		opts.Periodic = append(opts.Periodic, catchup.PeriodicSilenceCheck())
		opts.Queues[jobs.QueueBackfill] = catchup.MaxBackfills
	}
	if !keeps(cfg) {
		return nil
	}
	resolver := subscriptions.NewResolver(cfg, subscriptions.ResolverOptions{
		Directory: w.chat, Followed: w.store.FollowedSpaces, Log: w.log.Named("keeper"),
	})
	keeper := subscriptions.NewKeeper(w.keeping.manager, w.store, subscriptions.KeeperOptions{
		Topic: cfg.TopicName(), Desired: resolver.Desired, Observe: w.kept(ctx, h), Log: w.log.Named("keeper"),
	})
	if err := keeper.AddWorkers(opts.Workers, w.passed(ctx)); err != nil {
		return err
	}
	opts.Queues[jobs.QueueKeeper] = 1
	opts.Periodic = append(opts.Periodic, subscriptions.Periodic(cfg.Keeper.Interval))
	return nil
}

// keeps reports whether there is anything to keep alive.
func keeps(cfg config.Config) bool {
	return cfg.Keeper.Enabled && (len(cfg.Workspace.All()) > 0 || cfg.Keeper.OnAdded)
}

// passed is told of each pass of the keeper.
func (w *worker) passed(ctx context.Context) func(subscriptions.Report, error) {
	return func(r subscriptions.Report, err error) {
		gaps, gapsErr := w.store.GapCounts(ctx)
		w.keeping.status.passed(r, gaps, errors.Join(err, gapsErr))
	}
}

// kept is told of each action of the keeper. Of a space that is watched from
// now on, only a list can tell who has been there all along.
func (w *worker) kept(ctx context.Context, h hooks) func(subscriptions.Action, subscriptions.Result) {
	return func(a subscriptions.Action, r subscriptions.Result) {
		if h.observeKeeper != nil {
			h.observeKeeper(a, r)
		}
		if scope := a.Desired.Scope; r.Outcome == subscriptions.Created && strings.HasPrefix(scope, "spaces/") && scope != "spaces/-" {
			if err := w.store.AskForMembers(ctx, []string{scope}); err != nil {
				w.log.Warn("the members of a space could not be asked for: run subscriber reconcile-members", zap.String("space", scope), zap.Error(err))
			}
		}
	}
}

// A worker says that it is there, so that the next one knows for how long
// none was. What Pub/Sub was given before that, it has dropped after its
// retention: seven days, unless the subscription asks for another. A gap that
// isn't one, since it keeps them longer, costs a few calls.
const (
	beatInterval = time.Minute
	retention    = 7 * 24 * time.Hour
)

// beat tells the database, while events are received, that they are.
func (w *worker) beat(ctx context.Context) error {
	for {
		next := beatInterval
		if len(unready(w.ingest.Status(), time.Now())) > 0 {
			next = time.Second
		} else if err := w.store.Beat(ctx, w.keeping.manager.Now(), retention); err != nil && ctx.Err() == nil {
			w.log.Warn("that a worker is there could not be kept; will try again", zap.Error(err))
		}
		select {
		case <-time.After(next):
		case <-ctx.Done():
			return nil
		}
	}
}
