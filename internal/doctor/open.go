package doctor

import (
	"context"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// backoff is the pause before a call's first retry: short, as a person waits,
// and still long enough that the retries outlast half a minute of used-up quota.
const backoff = 500 * time.Millisecond

func (e *examination) openManager(ctx context.Context) (*subscriptions.Manager, error) {
	m, err := subscriptions.New(context.WithoutCancel(ctx), subscriptions.Options{
		Endpoint: e.cfg.Endpoints.WorkspaceEvents, Auth: e.cfg.Auth, Scopes: credentials.Scopes(e.cfg),
		EventTypes: subscriptions.EventTypesOf(e.cfg), Backoff: backoff, Now: e.opts.Now, Pacer: e.pacer,
	})
	if err == nil {
		e.onClose(m.Close)
	}
	return m, err
}

func (e *examination) openChat(ctx context.Context) (*gchat.Client, error) {
	return e.chatAs(ctx, e.cfg.Auth, credentials.Scopes(e.cfg)...)
}

// chatAs opens the Chat API to read with tokens for these scopes.
func (e *examination) chatAs(ctx context.Context, auth config.Auth, scopes ...string) (*gchat.Client, error) {
	c, err := gchat.New(context.WithoutCancel(ctx), gchat.Options{Endpoint: e.cfg.Endpoints.Chat, Auth: auth, Scopes: scopes, Pacer: e.pacer})
	if err == nil {
		e.onClose(c.Close)
	}
	return c, err
}

func (e *examination) openStore(ctx context.Context) (*store.Store, error) {
	dsn, err := e.cfg.Database.ConnString()
	if err != nil {
		return nil, err
	}
	s, err := store.Open(context.WithoutCancel(ctx), dsn, store.Options{MaxConns: 2})
	if err == nil {
		e.onClose(s.Close)
	}
	return s, err
}

// eventLog is what is recorded, for reading.
func (e *examination) eventLog() (*eventlog.Log, error) {
	s, err := e.store()
	if err != nil {
		return nil, err
	}
	return eventlog.New(s, nil, nil)
}
