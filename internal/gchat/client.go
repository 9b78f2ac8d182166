// Package gchat makes all calls to the Google Chat API. It makes every write
// idempotent, and tells errors that a retry can mend from those that a person
// has to.
//
// # What the caller must do
//
// Choose the request id, the message id and the text before the first attempt
// and store them; send the same again after any error that isn't permanent.
// Write to a space once a second at most, which Google counts over all apps.
//
// # What happens on failure
//
// An error is marked by [reactors.Permanent] if no retry can mend it; its text
// is for the people who run the space. It is marked by [reactors.RetryAfter] if
// Google said when to come back, and by [reactors.Throttled] if a quota is used
// up. Any other error is worth a retry. If a write ends without an answer (a
// timeout, a cut connection, a 5xx), the client first looks whether it took
// effect, so that a lost answer is no error. Changes of a message and reactions
// are simply done again. A write that finds everything as desired succeeds.
//
// # Concurrency
//
// A Client may be used by any number of goroutines.
package gchat

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/chat/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/quota"
)

// Options are the settings of a Client. The zero value works.
type Options struct {
	// Endpoint is the base URL of a fake or a proxy; empty stands for Google.
	// One on loopback gets no credentials.
	Endpoint string
	// Auth says who reads, and reacts if it is a person. All else is written
	// as the Chat app, whoever reads.
	Auth config.Auth
	// Scopes are those of the reader; default all that an app needs to read
	// spaces. credentials.Scopes gives those of a configuration.
	Scopes []string
	// CallTimeout bounds each single call; default 10s. A write takes two
	// calls at most.
	CallTimeout time.Duration
	// Pacer is that of the process; nil for one of its own.
	Pacer *quota.Pacer
}

// Client speaks to the Chat API.
type Client struct {
	service     *chat.Service // as the Chat app
	reader      *chat.Service // with the scopes that an administrator approves, or as the user
	memberships *chat.Service // for spaces and members: chat.bot is enough for an app; or as the user
	admin       *chat.Service // as the app, with the scope that changes who is in a space
	user        *chat.Service // as the user, for reactions; nil if the app reads, as apps can't react
	local       *http.Client  // set for a loopback endpoint only
	callTimeout time.Duration

	pace *quota.Chat
}

// Open returns a client for a configuration: the Chat app sends, and whoever
// auth names reads. pacer is that of the process; nil for one of its own.
func Open(ctx context.Context, cfg config.Config, pacer *quota.Pacer) (*Client, error) {
	return New(ctx, Options{Endpoint: cfg.Endpoints.Chat, Auth: cfg.Auth, Scopes: credentials.Scopes(cfg), Pacer: pacer})
}

// New returns a client; it needs no credentials where the endpoint is on
// loopback. No call is made yet.
func New(ctx context.Context, opts Options) (*Client, error) {
	c := &Client{
		callTimeout: cmp.Or(opts.CallTimeout, 10*time.Second),
	}
	if opts.Pacer == nil {
		opts.Pacer = quota.New(quota.Options{})
	}
	c.pace = opts.Pacer.Chat
	if config.IsLoopback(opts.Endpoint) {
		c.local = &http.Client{Transport: keepBody{&http.Transport{MaxIdleConnsPerHost: 32}}}
	}
	asUser := opts.Auth.Mode == config.AuthUser || opts.Auth.Mode == config.AuthImpersonate
	app := opts.Auth.AsApp()
	as := func(auth config.Auth, scopes ...string) (*chat.Service, error) {
		carrier, err := c.connect(auth, scopes...)
		if err != nil && asUser && auth == app {
			carrier, err = &http.Client{Transport: refusal{err}}, nil // perhaps the app never has to send
		}
		return open(ctx, opts.Endpoint, carrier, err)
	}
	var err error
	if c.service, err = as(app, credentials.BotScope); err != nil {
		return nil, err
	}
	if c.admin, err = as(app, chat.ChatAppMembershipsScope); err != nil {
		return nil, err
	}
	// Google may refuse a token with more scopes than approved for all of them,
	// so the client that sends has none of these.
	scopes := opts.Scopes
	if scopes == nil {
		scopes = []string{
			chat.ChatBotScope, chat.ChatAppMessagesReadonlyScope, chat.ChatAppMembershipsReadonlyScope, chat.ChatAppSpacesReadonlyScope,
		}
	}
	if c.reader, err = as(opts.Auth, scopes...); err != nil {
		return nil, err
	}
	c.memberships = c.service
	if !asUser {
		return c, nil
	}
	c.memberships = c.reader
	c.user, err = as(opts.Auth, chat.ChatMessagesReactionsCreateScope)
	return c, err
}

// connect returns the HTTP client for calls with the credentials of auth.
func (c *Client) connect(auth config.Auth, scopes ...string) (*http.Client, error) {
	if c.local != nil {
		return c.local, nil
	}
	transport, err := credentials.Transport(auth, false, scopes...)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: keepBody{transport}}, nil
}

// open returns a service whose calls client carries; err says why there is none.
func open(ctx context.Context, endpoint string, client *http.Client, err error) (*chat.Service, error) {
	clientOptions := []option.ClientOption{option.WithHTTPClient(client)}
	if endpoint != "" {
		clientOptions = append(clientOptions, option.WithEndpoint(strings.TrimSuffix(endpoint, "/")+"/"))
	}
	var service *chat.Service
	if err == nil {
		service, err = chat.NewService(ctx, clientOptions...)
	}
	if err != nil {
		return nil, fmt.Errorf("open the Chat API: %w", err)
	}
	return service, nil
}

// call is one of the library's calls C, with its answer A.
type call[C, A any] interface {
	Context(ctx context.Context) C
	Do(opts ...googleapi.CallOption) (A, error)
}

// do makes one call, with its repetitions by the library, within CallTimeout.
func do[C call[C, A], A any](ctx context.Context, c *Client, one C) (A, error) {
	ctx, cancel := context.WithTimeout(ctx, c.callTimeout)
	defer cancel()
	answer, err := one.Context(ctx).Do()
	return answer, credentials.Brief(err)
}

// refusal answers every call with the reason why there are no credentials.
type refusal struct{ err error }

func (r refusal) RoundTrip(*http.Request) (*http.Response, error) { return nil, r.err }

// Close drops idle connections to a loopback endpoint. Those to Google end by
// themselves.
func (c *Client) Close() {
	if c.local != nil {
		c.local.CloseIdleConnections()
	}
}
