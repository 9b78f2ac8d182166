package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/quota"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/reconcile"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// environment is a simulated Workspace with its Pub/Sub, set up for the worker
// as a real one is.
type environment struct {
	workspace *simulate.Workspace
	config    config.Config
	pacer     *quota.Pacer // of all clients but the simulated people
	opened    time.Time    // before the first event
	history   int          // how many events were recorded of what happened before that
}

// newEnvironment starts the Workspace, creates topic and subscription, and
// subscribes to every space.
func newEnvironment(ctx context.Context, o Options, dsn, rules string, log *zap.Logger, screen *screen) (_ *environment, err error) {
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
	cfg.Workspace.IncludeResource = !o.namesOnly
	cfg.Backfill.Overlap = 10 * time.Second
	cfg.Chat.WritesPerMinutePerSpace = writesPerMinute
	cfg.Endpoints = config.Endpoints{
		Chat: ws.ChatEndpoint(), WorkspaceEvents: ws.WorkspaceEventsEndpoint(), PubSubEmulator: ws.PubSubAddr(),
	}
	for _, s := range ws.Spaces() {
		cfg.Workspace.Spaces = append(cfg.Workspace.Spaces, s.Name)
	}
	if err := cfg.Validate(config.ForWorker, config.ForApply); err != nil {
		return nil, err
	}
	cfg.Keeper.Interval = keeperInterval
	if _, _, err := ws.CreateTopic(ctx, cfg.PubSub.Topic, cfg.PubSub.Subscription); err != nil {
		return nil, err
	}
	recorded := 0
	if o.History > 0 {
		if recorded, err = recordHistory(ctx, ws, o, cfg, opened, log); err != nil {
			return nil, err
		}
	}
	pacer := quota.New(quota.Options{})
	manager, err := subscriptions.New(ctx, subscriptions.Options{Endpoint: cfg.Endpoints.WorkspaceEvents, Pacer: pacer})
	if err != nil {
		return nil, err
	}
	defer manager.Close()
	if _, err := manager.Apply(ctx, subscriptions.DesiredFrom(cfg)); err != nil {
		return nil, err
	}

	switch o.Sabotage {
	case DropEvent:
		ws.DropNext(1)
	case DoubleWelcome:
		var once sync.Once
		ws.SetChatFaults(func(c simulate.ChatCall) (f simulate.ChatFault) {
			if c.Private { // a welcome, of all that the demo's rules send
				once.Do(func() { f.Twice = true })
			}
			return f
		})
	}
	return &environment{ws, cfg, pacer, opened, recorded}, nil
}

// startWorkspace starts a Workspace that the database knows nothing of. A
// seed that a kept database has seen is passed over for the next: its people
// would do in the same spaces what is recorded already.
func startWorkspace(ctx context.Context, o Options, dsn string, screen *screen) (*simulate.Workspace, error) {
	flat := 0
	if o.History > 0 && o.Spaces > 4 { // beside those with threads
		flat = o.Spaces / 5
	}
	for seed := o.Seed; ; seed++ {
		ws, err := simulate.Start(ctx, simulate.Options{
			Seed: seed, Spaces: o.Spaces, Users: 8 * o.Spaces, OnEvent: screen.happened,
			TTL: simulate.TTL{Data: lifetime(o.Spaces)}, Flat: flat,
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

// writesPerMinute is all that Google allows: no other app writes to the demo's
// spaces.
const writesPerMinute = 60

// actingTime is how long people act in a demo that ends by itself. They fall silent
// in time for what rules still owe them: a newcomer's last tip comes three seconds
// after they have joined.
func actingTime(length time.Duration) time.Duration { return length - min(4*time.Second, length/4) }

// play lets people act until the demo's end is near or ctx ends, with a summary
// every few seconds. Some events are published twice and some out of order, as
// in production; the faults happen meanwhile, to the last.
func (e *environment) play(ctx context.Context, o Options, w *restartableWorker, screen *screen) error {
	e.workspace.SetFaults(simulate.Faults{Duplicate: 0.03, Reorder: 0.05})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	acting := ctx
	if o.Length > 0 {
		var end context.CancelFunc
		acting, end = context.WithTimeout(ctx, actingTime(o.Length))
		defer end()
	}
	var people, injected errgroup.Group
	done := make(chan error, 2)
	people.Go(func() error { return e.workspace.Run(acting, simulate.Activity{Rate: o.Rate}) })
	if f, ok := planFaults(o); ok {
		injected.Go(func() error { return e.inject(ctx, f, w, screen) })
	}
	go func() { done <- errors.Join(people.Wait(), injected.Wait()) }()
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			screen.summary(e.workspace.Counts())
		case err := <-w.failed:
			return err
		case err := <-done:
			return err
		}
	}
}

// drainTime is how long the worker may take to finish once the activity has
// ended. Messages to one space are a second apart.
const drainTime = 2 * time.Minute

// namesTime is how long the names in a list that was just answered may take into
// the database.
const namesTime = 10 * time.Second

// reconcile waits until the worker has nothing left to do and compares what was
// recorded and sent with what happened.
func (e *environment) reconcile(ctx context.Context) (reconcile.Report, error) {
	limit := drainTime
	if ctx.Err() != nil {
		limit = 3 * time.Second // somebody pressed Ctrl-C and waits
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	pool, err := pgxpool.New(ctx, e.config.Database.DSN)
	if err != nil {
		return nil, fmt.Errorf("open the demo's database: %w", err)
	}
	defer pool.Close()
	// The events of what the worker still sends aren't held back any more.
	e.workspace.SetFaults(simulate.Faults{})
	e.workspace.Flush()
	if err := reconcile.Covered(ctx, pool, time.Now()); err != nil {
		return nil, err
	}
	if err := reconcile.Drain(ctx, pool, e.workspace.Broker(), e.config.SubscriptionName()); err != nil {
		return nil, err
	}
	report, err := reconcile.Check(ctx, pool, e.workspace.Truth(), e.config.TopicName(), e.opened, e.workspace.Members)
	if err != nil {
		return nil, err
	}
	effects, err := reconcile.Effects(ctx, pool, e.workspace.Truth(), e.opened, []string{ruleWelcome, ruleNewcomers, ruleTips})
	if err != nil {
		return nil, err
	}
	named, err := reconcile.Names(ctx, pool, e.workspace.Truth(), namesTime)
	if err != nil {
		return nil, err
	}
	return append(append(report, effects...), named), nil
}
