package worker

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/quota"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// addKeeper adds the keeper to the jobs, if the configuration gives it
// anything to keep.
func (w *Worker) addKeeper(queue *jobs.Options) error {
	if !w.cfg.Keeper.Enabled || w.wantsNothing() {
		return nil
	}
	resolver := subscriptions.NewResolver(w.cfg, subscriptions.ResolverOptions{
		Directory: w.chat, Followed: w.coverage.FollowedSpaces, Log: w.log.Named("keeper"),
		Listed: w.nameSpaces, Now: w.manager.Now,
	})
	keeper := subscriptions.NewKeeper(w.manager, w.coverage, subscriptions.KeeperOptions{
		Topic: w.cfg.TopicName(), Desired: resolver.Desired, Log: w.log.Named("keeper"),
		Observe: w.opts.ObserveSubscription,
	})
	if err := keeper.AddWorkers(queue.Workers, w.keeper.passed); err != nil {
		return err
	}
	queue.Queues[jobs.QueueKeeper] = 1
	queue.Periodic = append(queue.Periodic, subscriptions.Periodic(w.cfg.Keeper.Interval))
	return nil
}

// wantsNothing says that the configuration names no target, nor lets the app's spaces
// be targets.
func (w *Worker) wantsNothing() bool { return len(w.cfg.Workspace.All()) == 0 && !w.cfg.Keeper.OnAdded }

// forget ends the coverage of targets of before, if the configuration took the last:
// there is no pass that would find that out.
func (w *Worker) forget(ctx context.Context) error {
	if !w.cfg.Keeper.Enabled || !w.wantsNothing() {
		return nil
	}
	return w.coverage.Forget(ctx, w.manager.Now())
}

// nameSpaces saves what spaces are called, as events rarely tell.
func (w *Worker) nameSpaces(ctx context.Context, asOf time.Time, list []gchat.SpaceInfo) {
	spaces := make([]names.Space, len(list))
	for i, s := range list {
		spaces[i] = names.Space(s)
	}
	if _, err := names.Listed(ctx, w.store, asOf, spaces); err != nil && ctx.Err() == nil {
		w.log.Warn("names of spaces not saved; retrying at the next pass", zap.Error(err))
	}
}

// openManager opens the client of subscriptions, whose clock is Google's.
func openManager(ctx context.Context, cfg config.Config, log *zap.Logger, pacer *quota.Pacer) (*subscriptions.Manager, error) {
	return subscriptions.New(ctx, subscriptions.Options{
		Endpoint: cfg.Endpoints.WorkspaceEvents, Auth: cfg.Auth, Scopes: credentials.Scopes(cfg),
		EventTypes: subscriptions.EventTypesOf(cfg), Log: log.Named("subscriptions"), Pacer: pacer,
	})
}

// keeperStatus is the outcome of this process's passes over the subscriptions.
// Another replica may have made the newest.
type keeperStatus struct {
	mu      sync.Mutex
	at      time.Time // of the last pass that went through
	last    subscriptions.Report
	changes map[subscriptions.Kind]int // since start
	failed  int                        // passes, since start
}

// passed notes a pass.
func (s *keeperStatus) passed(r subscriptions.Report, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed++
		return
	}
	s.at, s.last = time.Now(), r
	if s.changes == nil {
		s.changes = map[subscriptions.Kind]int{}
	}
	for kind, n := range r.Actions {
		if kind.Mutates() {
			s.changes[kind] += n
		}
	}
}

func (s *keeperStatus) lastPass() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}
