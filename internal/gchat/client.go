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
	htransport "google.golang.org/api/transport/http"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// Options are the settings of a Client. The zero value works.
type Options struct {
	// Endpoint is the base URL of a fake or a proxy; empty stands for Google.
	// One on loopback gets no credentials.
	Endpoint string
	// CallTimeout bounds each single call; default 10s. Creating a message
	// takes two calls at most.
	CallTimeout time.Duration
}

// Client speaks to the Chat API as the Chat app.
type Client struct {
	service     *chat.Service
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

// New returns a client that authenticates as the app by Application Default
// Credentials, unless the endpoint is on loopback. No call is made yet.
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
	var err error
	if c.service, err = c.open(ctx, opts.Endpoint, chat.ChatBotScope); err != nil {
		return nil, err
	}
	c.roster = c.service
	// A token with more scopes than approved may be refused for all of them:
	// sending needs none of these.
	c.reader, err = c.open(ctx, opts.Endpoint, chat.ChatBotScope, chat.ChatAppMessagesReadonlyScope,
		chat.ChatAppMembershipsReadonlyScope, chat.ChatAppSpacesReadonlyScope)
	return c, err
}

func (c *Client) open(ctx context.Context, endpoint string, scopes ...string) (*chat.Service, error) {
	client, clientOptions := c.local, []option.ClientOption(nil)
	if endpoint != "" {
		clientOptions = append(clientOptions, option.WithEndpoint(strings.TrimSuffix(endpoint, "/")+"/"))
	}
	if client == nil {
		const help = "open the Chat API (run gcloud auth application-default login, or run as the Chat app's service account): %w"
		var err error
		if client, _, err = htransport.NewClient(ctx, option.WithScopes(scopes...)); err != nil {
			return nil, fmt.Errorf(help, err)
		}
		client.Transport = keepBody{client.Transport}
	}
	service, err := chat.NewService(ctx, append(clientOptions, option.WithHTTPClient(client))...)
	if err != nil {
		return nil, fmt.Errorf("open the Chat API: %w", err)
	}
	return service, nil
}

// Close drops idle connections to a loopback endpoint. Those to Google end by
// themselves.
func (c *Client) Close() {
	if c.local != nil {
		c.local.CloseIdleConnections()
	}
}
