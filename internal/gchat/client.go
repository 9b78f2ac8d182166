// Package gchat is the only one that talks to the Google Chat API. It makes
// sending a message idempotent, and sorts what can go wrong into what a retry
// mends and what a person has to.
//
// # What the caller must do
//
// Fix the request id, the message id and the text before the first attempt
// and store them; send the same again after any error that isn't permanent.
// Keep to one write a second and space, which Google counts over all apps.
//
// # What happens on failure
//
// An error is marked by [reactors.Permanent] if no retry can mend it, and
// its text is for the people who run the space; it is marked by
// [reactors.RetryAfter] if Google said when to come back. Any other is worth a
// retry. Where a create ended without an answer (a timeout, a cut connection,
// a 5xx), the client first looks whether the message is there, so that a
// retry isn't needed and a lost answer isn't an error.
//
// # Concurrency
//
// A Client may be used by any number of goroutines.
package gchat

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/api/chat/v1"
	"google.golang.org/api/option"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
)

// Options are the settings of a Client. The zero value works.
type Options struct {
	// Endpoint is the base URL of a fake or a proxy; empty stands for Google.
	// One on loopback gets no credentials.
	Endpoint string
	// Auth says who reads; messages are sent as the Chat app, whoever reads.
	Auth config.Auth
	// Scopes are those of the reader; default all that an app needs to read
	// spaces. credentials.Scopes gives those of a configuration.
	Scopes []string
	// CallTimeout bounds each single call; default 10s. Creating a message
	// takes two calls at most.
	CallTimeout time.Duration
}

// Client speaks to the Chat API.
type Client struct {
	service     *chat.Service // as the Chat app
	reader      *chat.Service // with the scopes that an administrator approves, or as the user
	roster      *chat.Service // for spaces and members: chat.bot is enough for an app; or as the user
	local       *http.Client  // set for a loopback endpoint only
	callTimeout time.Duration
	eventReads  *rate.Limiter
	reads       *readPace
}

// Google lists 3,000 pages of events a minute and project (fact sheet §5). In
// no minute are there more than burst plus rate.
const (
	eventReadsPerSecond = 48
	eventReadsBurst     = 100
)

// New returns a client; it needs no credentials where the endpoint is on
// loopback. No call is made yet.
func New(ctx context.Context, opts Options) (*Client, error) {
	c := &Client{callTimeout: opts.CallTimeout}
	if c.callTimeout == 0 {
		c.callTimeout = 10 * time.Second
	}
	c.eventReads = rate.NewLimiter(eventReadsPerSecond, eventReadsBurst)
	c.reads = newReadPace()
	if config.IsLoopback(opts.Endpoint) {
		c.local = &http.Client{Transport: keepBody{&http.Transport{MaxIdleConnsPerHost: 32}}}
	}
	asUser := opts.Auth.Mode == config.AuthUser || opts.Auth.Mode == config.AuthImpersonate
	app, err := c.connect(opts.Auth.AsApp(), credentials.BotScope)
	if err != nil {
		if !asUser {
			return nil, fmt.Errorf("open the Chat API: %w", err)
		}
		app = &http.Client{Transport: refusal{err}} // nothing may ever be sent
	}
	if c.service, err = open(ctx, opts.Endpoint, app); err != nil {
		return nil, err
	}
	// A token with more scopes than approved may be refused for all of them:
	// sending needs none of these.
	scopes := opts.Scopes
	if scopes == nil {
		scopes = []string{chat.ChatBotScope, chat.ChatAppMessagesReadonlyScope, chat.ChatAppMembershipsReadonlyScope, chat.ChatAppSpacesReadonlyScope}
	}
	reader, err := c.connect(opts.Auth, scopes...)
	if err != nil {
		return nil, fmt.Errorf("open the Chat API: %w", err)
	}
	if c.reader, err = open(ctx, opts.Endpoint, reader); err != nil {
		return nil, err
	}
	c.roster = c.service
	if asUser {
		c.roster = c.reader
	}
	return c, nil
}

// connect returns what carries calls made as auth says.
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

func open(ctx context.Context, endpoint string, client *http.Client) (*chat.Service, error) {
	clientOptions := []option.ClientOption{option.WithHTTPClient(client)}
	if endpoint != "" {
		clientOptions = append(clientOptions, option.WithEndpoint(strings.TrimSuffix(endpoint, "/")+"/"))
	}
	service, err := chat.NewService(ctx, clientOptions...)
	if err != nil {
		return nil, fmt.Errorf("open the Chat API: %w", err)
	}
	return service, nil
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
