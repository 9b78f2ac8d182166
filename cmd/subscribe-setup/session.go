package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/logging"
	"github.com/spacekeeper/spacekeeper/internal/quota"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

// session is an open connection to Google.
type session struct {
	cfg     config.Config
	log     *zap.Logger
	manager *subscriptions.Manager
	chat    *gchat.Client

	directory *directory
	store     *store.Store // nil until database opens it
	checked   bool         // the database, with this outcome:
	unusable  error        // why it can't be used
}

// open reads the configuration and opens Google's APIs. No call is made yet.
func (e *environment) open(ctx context.Context, needs ...config.Need) (*session, error) {
	cfg, err := e.Load(needs...)
	if err != nil {
		return nil, err
	}
	s := &session{cfg: cfg}
	if s.log, err = logging.New("warn", "console", e.ErrOut()); err != nil {
		return nil, err
	}
	pacer := quota.New(quota.Options{Log: s.log, Now: e.Now, Wait: e.Wait})
	if s.manager, err = subscriptions.New(ctx, subscriptions.Options{
		Endpoint: cfg.Endpoints.WorkspaceEvents, Auth: cfg.Auth, Scopes: credentials.Scopes(cfg),
		EventTypes: subscriptions.EventTypesOf(cfg), Log: s.log, Now: e.Now, Wait: e.Wait, Pacer: pacer,
	}); err != nil {
		return nil, err
	}
	if s.chat, err = gchat.Open(ctx, cfg, pacer); err != nil {
		s.manager.Close()
		return nil, err
	}
	s.directory = &directory{chat: s.chat}
	return s, nil
}

// identity says who we are towards Google, by name unless nobody is asked who
// we are.
func (s *session) identity() string {
	if !config.IsLoopback(s.cfg.Endpoints.WorkspaceEvents) {
		if who, err := credentials.Describe(s.cfg.Auth); err == nil {
			return who.String()
		}
	}
	switch s.cfg.Auth.Mode {
	case config.AuthUser:
		return "a user"
	case config.AuthImpersonate:
		return "a user, on whose behalf the service account acts"
	}
	return "the Chat app"
}

func (s *session) close() {
	s.manager.Close()
	s.chat.Close()
	if s.store != nil {
		s.store.Close()
	}
}

// hasDatabase reports whether one is configured: nothing here needs it, but
// status and backfills tell and do more with it.
func (s *session) hasDatabase() bool {
	return s.cfg.Database.DSN != "" || s.cfg.Database.DSNFile != ""
}

// database opens what the database keeps of the subscriptions, and checks that it
// can be reached and has this version's schema, once; nil without one.
func (s *session) database(ctx context.Context) (*coverage.Coverage, error) {
	if !s.hasDatabase() {
		return nil, nil
	}
	if !s.checked {
		s.unusable, s.checked = store.ExplainConnecting(s.openDatabase(ctx)), true
	}
	if s.unusable != nil {
		return nil, s.unusable
	}
	return coverage.New(s.store), nil
}

func (s *session) openDatabase(ctx context.Context) error {
	if s.store == nil {
		dsn, err := s.cfg.Database.ConnString()
		if err != nil {
			return err
		}
		if s.store, err = store.Open(ctx, dsn, store.Options{MaxConns: 2}); err != nil {
			return err
		}
	}
	return s.store.CheckSchema(ctx)
}

// resolver finds out what is desired. Without a usable database it doesn't know
// where the Chat app was added.
func (s *session) resolver(ctx context.Context) *subscriptions.Resolver {
	opts := subscriptions.ResolverOptions{Directory: s.directory, Log: s.log}
	if db, _ := s.database(ctx); db != nil {
		opts.Followed = db.FollowedSpaces
	}
	return subscriptions.NewResolver(s.cfg, opts)
}

// plan compares the configuration with what Google has.
func (s *session) plan(ctx context.Context, prune bool) ([]subscriptions.Action, error) {
	if db, err := s.database(ctx); prune && s.cfg.Keeper.OnAdded && db == nil {
		if err != nil {
			return nil, err
		}
		return nil, cli.WrongConfiguration("delete what isn't configured: keeper.on_added is on, and only the database knows which spaces the app was added to; set database.dsn")
	}
	desired, err := s.resolver(ctx).Desired(ctx)
	if err != nil {
		return nil, err
	}
	actual, err := s.manager.List(ctx)
	if err != nil {
		return nil, err
	}
	return s.compare(desired, actual, prune), nil
}

func (s *session) compare(desired []subscriptions.Desired, actual []subscriptions.Subscription, prune bool) []subscriptions.Action {
	return subscriptions.Plan(desired, actual, subscriptions.View{Topic: s.cfg.TopicName(), Prune: prune})
}

// noteDatabase says why the database can't be used, where that only leaves
// something out.
func (e *environment) noteDatabase(ctx context.Context, s *session) {
	if _, err := s.database(ctx); err != nil {
		e.Say("Note: without what the database knows, as it can't be used: %s", err)
	}
}

// describe says what the actions would do, and what apply would do to Pub/Sub.
func (s *session) describe(ctx context.Context, actions []subscriptions.Action) (*report.Plan, error) {
	mended, left, err := s.drifts(ctx)
	if err != nil {
		return nil, err
	}
	return report.NewPlan(s.cfg, s.manager.Now(), s.directory.names(ctx), actions, mended, left), nil
}
