package subscriptions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"
	"google.golang.org/api/option"
	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/quota"
)

// Options are the settings of a Manager. The zero value works.
type Options struct {
	// Endpoint is the base URL of a fake or a proxy; empty stands for Google.
	// One on loopback gets no credentials.
	Endpoint string
	// Auth says who subscribes.
	Auth config.Auth
	// Scopes are what the credentials are to allow; default all that an app
	// needs for spaces. credentials.Scopes gives those of a configuration.
	Scopes []string
	// EventTypes are those that List looks for, as Google finds only
	// subscriptions to one of those that are named; default those of spaces.
	// EventTypesOf gives those of a configuration.
	EventTypes []string
	// Log is told of calls that are retried; nil for nobody.
	Log *zap.Logger
	// Backoff is the pause before the first retry, which then doubles;
	// default 1s.
	Backoff time.Duration
	// OperationTimeout bounds the wait for one operation to finish; default 2m.
	OperationTimeout time.Duration
	// Transport carries the calls; nil for one with the credentials of Auth, or
	// without any to a loopback endpoint.
	Transport http.RoundTripper
	// Now is the local clock and Wait a pause by it; nil for the real ones.
	Now  func() time.Time
	Wait func(context.Context, time.Duration) error
	// Pacer is that of the process; nil for one of its own.
	Pacer *quota.Pacer
}

// Manager reads and changes subscriptions as one identity: Google shows to
// each only its own. It may be used by several goroutines.
type Manager struct {
	service *workspaceevents.Service
	client  *http.Client
	opts    Options
	clock   *clock
}

// New returns a manager; it needs no credentials where the endpoint is on
// loopback. No call is made yet.
func New(ctx context.Context, opts Options) (*Manager, error) {
	opts.Log = cmp.Or(opts.Log, zap.NewNop())
	opts.Backoff = cmp.Or(opts.Backoff, time.Second)
	opts.OperationTimeout = cmp.Or(opts.OperationTimeout, 2*time.Minute)
	if opts.EventTypes == nil {
		opts.EventTypes = config.EventTypes()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Wait == nil {
		opts.Wait = gax.Sleep
	}
	if opts.Pacer == nil {
		opts.Pacer = quota.New(quota.Options{Backoff: opts.Backoff, Log: opts.Log, Now: opts.Now, Wait: opts.Wait})
	}
	if opts.Scopes == nil {
		opts.Scopes = scopes
	}
	if opts.Transport == nil {
		var err error
		if opts.Transport, err = credentials.Transport(opts.Auth, config.IsLoopback(opts.Endpoint), opts.Scopes...); err != nil {
			return nil, fmt.Errorf("open the Workspace Events API: %w", err)
		}
	}
	m := &Manager{
		client: &http.Client{Transport: opts.Transport}, opts: opts, clock: &clock{now: opts.Now},
	}
	clientOptions := []option.ClientOption{option.WithHTTPClient(m.client)}
	if opts.Endpoint != "" {
		clientOptions = append(clientOptions, option.WithEndpoint(strings.TrimSuffix(opts.Endpoint, "/")+"/"))
	}
	service, err := workspaceevents.NewService(ctx, clientOptions...)
	if err != nil {
		return nil, fmt.Errorf("open the Workspace Events API: %w", err)
	}
	m.service = service
	return m, nil
}

// scopes are what an app needs for the event types of spaces (fact sheet §4.2).
var scopes = []string{
	workspaceevents.ChatBotScope,
	workspaceevents.ChatAppMessagesReadonlyScope,
	workspaceevents.ChatAppMembershipsReadonlyScope,
	workspaceevents.ChatAppSpacesReadonlyScope,
}

// Now is the time by Google's clock, as of the last answer.
func (m *Manager) Now() time.Time { return m.clock.google() }

// Skew is how far Google's clock is ahead of ours, within a second; zero
// before the first answer.
func (m *Manager) Skew() time.Duration { return m.clock.skew() }

// Close drops idle connections to a loopback endpoint. Those to Google end by
// themselves.
func (m *Manager) Close() { m.client.CloseIdleConnections() }

// List returns all subscriptions of the app to the event types of Options.
func (m *Manager) List(ctx context.Context) ([]Subscription, error) {
	return m.list(ctx, "")
}

// Reach makes the smallest call that lists subscriptions, and returns why it
// fails; from its answer on [Manager.Now] goes by Google's clock.
func (m *Manager) Reach(ctx context.Context) error {
	_, err := m.page(ctx, "", 1, "")
	return err
}

// list asks for one target, or for all if target is "".
func (m *Manager) list(ctx context.Context, target string) ([]Subscription, error) {
	var found []Subscription
	for token := ""; ; {
		page, err := m.page(ctx, target, 100, token)
		if err != nil {
			return nil, err
		}
		for _, in := range page.Subscriptions {
			s, err := fromGoogle(in)
			if err != nil {
				return nil, err
			}
			if n := len(found); n > 0 {
				s.share(&found[n-1])
			}
			found = append(found, s)
		}
		if token = page.NextPageToken; token == "" {
			return found, nil
		}
	}
}

func (m *Manager) page(
	ctx context.Context, target string, size int64, token string,
) (page *workspaceevents.ListSubscriptionsResponse, err error) {
	err = m.call(ctx, m.opts.Pacer.SubscriptionReads, "list subscriptions", func(ctx context.Context) (err error) {
		page, err = m.service.Subscriptions.List().Filter(listFilter(m.opts.EventTypes, target)).PageSize(size).PageToken(token).Context(ctx).Do()
		if err == nil {
			m.clock.set(page.Header)
		}
		return err
	})
	if err != nil {
		return nil, explain("list the subscriptions", Desired{}, err)
	}
	return page, nil
}

// EventTypesOf are the event types by which all subscriptions of a
// configuration are found: those of spaces, and what else is asked for.
func EventTypesOf(cfg config.Config) []string {
	list := config.EventTypes()
	for _, t := range cfg.Workspace.All() {
		for _, name := range t.EventTypes {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}

// listFilter names every event type, as Google demands at least one and
// finds only subscriptions that have one of those named (fact sheet §3.2).
func listFilter(types []string, target string) string {
	var terms []string
	for _, t := range types {
		terms = append(terms, fmt.Sprintf("event_types:%q", t))
	}
	filter := "(" + strings.Join(terms, " OR ") + ")"
	if target != "" {
		filter += fmt.Sprintf(" AND target_resource=%q", target)
	}
	return filter
}

// Outcome says what became of an action.
type Outcome string

const (
	Created     Outcome = "created"
	Adopted     Outcome = "adopted" // someone else had created it in the meantime
	Updated     Outcome = "updated"
	Replaced    Outcome = "replaced"
	Renewed     Outcome = "renewed"
	Reactivated Outcome = "reactivated" // and renewed
	Pruned      Outcome = "deleted"
	Unchanged   Outcome = "unchanged"
	Left        Outcome = "left" // nobody desires it, and it is kept
	Failed      Outcome = "failed"
)

// Result is how one action ended.
type Result struct {
	Scope        string // "spaces/S", or a wide one
	Outcome      Outcome
	Subscription *Subscription // as it is now; nil if there is none or it isn't known
	Err          error         // set if Failed: names the scope, the cause and what to do
}

// Apply brings Google's subscriptions to what is desired, and answers with
// one result for each. What would have to be replaced is refused: that is for
// a person, who has seen the plan. The error joins those of the results.
func (m *Manager) Apply(ctx context.Context, desired []Desired) ([]Result, error) {
	actual, err := m.List(ctx)
	if err != nil {
		return nil, err
	}
	var results []Result
	var failures []error
	for r := range m.DoAll(ctx, Plan(desired, actual, View{Unattended: true})) {
		results = append(results, r)
		failures = append(failures, r.Err)
	}
	return results, errors.Join(append(failures, ctx.Err())...)
}

// ErrNone says that there is no such subscription.
var ErrNone = errors.New("there is none; subscribe-setup list shows all")

// Find reads the subscription "subscriptions/S", or that of a scope such as
// "spaces/S". It errors with [ErrNone] if there is none.
func (m *Manager) Find(ctx context.Context, name string) (*Subscription, error) {
	if !strings.HasPrefix(name, "subscriptions/") {
		found, err := m.list(ctx, TargetOf(name))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("find the subscription of %s: %w", name, ErrNone)
		}
		return &found[0], nil
	}
	s, err := m.get(ctx, name)
	if isNotFound(err) {
		return nil, fmt.Errorf("find %s: %w", name, ErrNone)
	}
	if err != nil {
		return nil, explain("read "+name, Desired{}, err)
	}
	return s, nil
}

func (m *Manager) get(ctx context.Context, name string) (*Subscription, error) {
	var got *workspaceevents.Subscription
	err := m.call(ctx, m.opts.Pacer.SubscriptionReads, "get "+name, func(ctx context.Context) (err error) {
		got, err = m.service.Subscriptions.Get(name).Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, err
	}
	s, err := fromGoogle(got)
	return &s, err
}
