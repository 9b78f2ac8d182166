package doctor

import (
	"context"
	"sync"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/quota"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/capacity"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// examination is what the checks share: the clients, and answers that more
// than one of them judges. Each function asks once, when it is first called.
type examination struct {
	opts    Options
	cfg     config.Config
	timeout time.Duration
	pacer   *quota.Pacer // of all clients

	manager func() (*subscriptions.Manager, error)
	chat    func() (*gchat.Client, error)
	store   func() (*store.Store, error)

	reached     func() error                            // why Google doesn't list subscriptions
	listed      func() (sight, error)                   // all of the app's, or those that the keeper saw
	spaces      func() ([]gchat.SpaceInfo, error)       // that the identity is in
	desired     func() ([]subscriptions.Desired, error) // what the configuration asks for
	access      func() (access, error)                  // which of them can be watched
	granted     func() ([]string, error)                // the scopes of a token
	appGranted  func() ([]string, error)                // those of one that the Chat app sends with
	trials      func() ([]trial, error)
	services    func() (map[string]bool, error) // which APIs are on
	drifts      func() (drifts, error)
	inspect     func() (inspection, error)
	settings    func() (capacity.Settings, error) // of the database's server
	rules       func() ([]Rule, error)
	memberScope func() (space string, err error) // where the app read with the scope that changes members
	reacting    func() error                     // why there is no token for reactions

	mu      sync.Mutex
	closers []func()
}

// inspection is what the database says, and when it was asked.
type inspection struct {
	store.Inspection
	at time.Time // by this machine's clock
}

// drifts are how Pub/Sub differs from what it must be, and what couldn't be
// read.
type drifts struct {
	found      []provision.Drift
	unread     []*provision.PermissionError
	noPolicies bool // this Pub/Sub has none
}

func examine(ctx context.Context, opts Options) *examination {
	e := &examination{opts: opts, cfg: opts.Config, timeout: opts.Timeout, pacer: quota.New(quota.Options{Backoff: backoff, Now: opts.Now})}
	e.manager = once(ctx, e, e.openManager)
	e.chat = once(ctx, e, e.openChat)
	e.store = once(ctx, e, e.openStore)
	reached := once(ctx, e, func(ctx context.Context) (struct{}, error) { return struct{}{}, e.reach(ctx) })
	e.reached = func() error { _, err := reached(); return err }
	e.listed = once(ctx, e, e.list)
	e.spaces = once(ctx, e, e.listSpaces)
	e.desired = once(ctx, e, e.resolve)
	e.access = once(ctx, e, e.findAccess)
	e.granted = once(ctx, e, e.askForScopes)
	e.appGranted = once(ctx, e, e.askForAppScopes)
	e.trials = once(ctx, e, e.try)
	e.services = once(ctx, e, e.askServices)
	e.drifts = once(ctx, e, e.compare)
	e.inspect = once(ctx, e, e.ask)
	e.settings = once(ctx, e, func(ctx context.Context) (got capacity.Settings, err error) {
		s, err := e.store()
		if err == nil {
			got, err = capacity.Read(ctx, s)
		}
		return got, err
	})
	e.rules = once(ctx, e, func(context.Context) ([]Rule, error) { return opts.Rules() })
	e.memberScope = once(ctx, e, e.tryMemberScope)
	token := once(ctx, e, func(ctx context.Context) (struct{}, error) { return struct{}{}, e.askForReactions(ctx) })
	e.reacting = func() error { _, err := token(); return err }
	return e
}

// once makes a function that asks at its first call, and gives that answer at
// each.
func once[T any](ctx context.Context, e *examination, ask func(context.Context) (T, error)) func() (T, error) {
	return sync.OnceValues(func() (T, error) {
		ctx, cancel := context.WithTimeout(ctx, e.timeout)
		defer cancel()
		return ask(ctx)
	})
}

func (e *examination) onClose(do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closers = append(e.closers, do)
}

func (e *examination) close() {
	for i := len(e.closers) - 1; i >= 0; i-- {
		e.closers[i]()
	}
}
