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

	"google.golang.org/api/chat/v1"
	"google.golang.org/api/option"

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
	local       *http.Client // set for a loopback endpoint only
	callTimeout time.Duration
}

// New returns a client that authenticates as the app by Application Default
// Credentials, unless the endpoint is on loopback. No call is made yet.
func New(ctx context.Context, opts Options) (*Client, error) {
	c := &Client{callTimeout: opts.CallTimeout}
	if c.callTimeout == 0 {
		c.callTimeout = 10 * time.Second
	}
	var clientOptions []option.ClientOption
	if opts.Endpoint != "" {
		clientOptions = append(clientOptions, option.WithEndpoint(strings.TrimSuffix(opts.Endpoint, "/")+"/"))
	}
	if config.IsLoopback(opts.Endpoint) {
		c.local = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
		clientOptions = append(clientOptions, option.WithHTTPClient(c.local))
	} else {
		clientOptions = append(clientOptions, option.WithScopes(chat.ChatBotScope))
	}
	service, err := chat.NewService(ctx, clientOptions...)
	if err != nil {
		return nil, fmt.Errorf("open the Chat API (run gcloud auth application-default login, or run as the Chat app's service account): %w", err)
	}
	c.service = service
	return c, nil
}

// Close drops idle connections to a loopback endpoint. Those to Google end by
// themselves.
func (c *Client) Close() {
	if c.local != nil {
		c.local.CloseIdleConnections()
	}
}
