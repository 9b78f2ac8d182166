package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

const (
	sabotageDrop   = "drop-event"
	sabotageDouble = "double-welcome"
)

// stage is a simulated Workspace, set up for the worker as a real one would be.
type stage struct {
	workspace *simulate.Workspace
	config    config.Config
	opened    time.Time // before the first event
}

// setStage starts the Workspace, creates topic and subscription, and
// subscribes to every space.
func setStage(ctx context.Context, o demoOptions, dsn, rules string, screen *screen) (_ *stage, err error) {
	opened := time.Now()
	ws, err := startWorkspace(ctx, o, dsn, screen)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = ws.Close() // the first error is the one that tells
		}
	}()

	cfg := config.Default()
	cfg.Project = ws.Project()
	cfg.PubSub.Topic, cfg.PubSub.Subscription = "chat-events", "spacekeeper"
	cfg.Database.DSN = dsn
	cfg.Reactors.File = rules
	cfg.Health.Addr = ""
	cfg.Backfill.Overlap = 10 * time.Second
	cfg.Endpoints = config.Endpoints{
		Chat: ws.ChatEndpoint(), WorkspaceEvents: ws.WorkspaceEventsEndpoint(), PubSubEmulator: ws.PubSubAddr(),
	}
	for _, s := range ws.Spaces() {
		cfg.Workspace.Spaces = append(cfg.Workspace.Spaces, s.Name)
	}
	if err := cfg.Validate(config.ForWorker, config.ForApply); err != nil {
		return nil, err
	}
	cfg.Keeper.Interval = stageInterval
	if _, _, err := ws.CreateTopic(ctx, cfg.PubSub.Topic, cfg.PubSub.Subscription); err != nil {
		return nil, err
	}
	manager, err := subscriptions.New(ctx, subscriptions.Options{Endpoint: cfg.Endpoints.WorkspaceEvents})
	if err != nil {
		return nil, err
	}
	defer manager.Close()
	if _, err := manager.Apply(ctx, subscriptions.DesiredFrom(cfg)); err != nil {
		return nil, err
	}

	switch o.sabotage {
	case sabotageDrop:
		ws.DropNext(1)
	case sabotageDouble:
		var once sync.Once
		ws.SetChatFaults(func(c simulate.ChatCall) (f simulate.ChatFault) {
			if c.Private { // a welcome, of all that the demo's rules send
				once.Do(func() { f.Twice = true })
			}
			return f
		})
	}
	return &stage{ws, cfg, opened}, nil
}

// startWorkspace starts a Workspace that the database knows nothing of. A
// seed that a kept database has seen is passed over for the next: its people
// would do in the same spaces what is recorded already.
func startWorkspace(ctx context.Context, o demoOptions, dsn string, screen *screen) (*simulate.Workspace, error) {
	for seed := o.seed; ; seed++ {
		ws, err := simulate.Start(ctx, simulate.Options{
			Seed: seed, Spaces: o.spaces, Users: 8 * o.spaces, OnEvent: screen.happened,
			TTL: simulate.TTL{Data: lifetime(o.spaces)},
		})
		if err != nil {
			return nil, err
		}
		known, err := knowsAny(ctx, dsn, ws.Spaces())
		if err == nil && !known {
			return ws, nil
		}
		if err := errors.Join(err, ws.Close()); err != nil {
			return nil, err
		}
	}
}

// knowsAny reports whether one of the spaces is recorded.
func knowsAny(ctx context.Context, dsn string, spaces []simulate.SpaceInfo) (known bool, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return false, fmt.Errorf("look for earlier demos: %w", err)
	}
	defer conn.Close(ctx)
	names := make([]string, 0, len(spaces))
	for _, s := range spaces {
		names = append(names, s.Name)
	}
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT 1
			FROM spaces
			WHERE space = ANY($1)
		)`, names).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("look for earlier demos: %w", err)
	}
	return known, nil
}

// act lets things happen for the demo's length or until ctx ends, with a
// summary every few seconds. Some events are published twice and some out of
// order, as in production, and the plot takes its course to the end.
func (s *stage) act(ctx context.Context, o demoOptions, worker *understudy, screen *screen) error {
	s.workspace.SetFaults(simulate.Faults{Duplicate: 0.03, Reorder: 0.05})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	acting := ctx
	if o.length > 0 {
		var end context.CancelFunc
		acting, end = context.WithTimeout(ctx, o.length)
		defer end()
	}
	var people, plotted errgroup.Group
	done := make(chan error, 2)
	people.Go(func() error { return s.workspace.Run(acting, simulate.Activity{Rate: o.rate}) })
	if m, ok := plot(o); ok {
		plotted.Go(func() error { return s.play(ctx, m, worker, screen) })
	}
	go func() { done <- errors.Join(people.Wait(), plotted.Wait()) }()
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			screen.summary(s.workspace.Counts())
		case err := <-worker.failed:
			return err
		case err := <-done:
			return err
		}
	}
}
