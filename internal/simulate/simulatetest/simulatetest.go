// Package simulatetest holds what tests put around a simulated Workspace: a
// clock that is moved by hand, and a Pub/Sub that keeps nothing.
package simulatetest

import (
	"context"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Clock stands still until it is moved, or somebody waits by it. It may be
// used by several goroutines.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that shows this time.
func NewClock(at time.Time) *Clock { return &Clock{at: at} }

// Now returns what it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves it on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Set moves it to a time.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// Wait moves it on and returns at once.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

// Deaf is a Pub/Sub that takes everything and keeps nothing.
type Deaf struct {
	Topic string // id of the one topic that exists; "" for any
}

// Publish implements simulate.Publisher.
func (Deaf) Publish(_ string, messages ...*pubsubpb.PubsubMessage) ([]string, error) {
	return make([]string, len(messages)), nil
}

// TopicExists implements simulate.Publisher.
func (d Deaf) TopicExists(name string) bool {
	return d.Topic == "" || strings.HasSuffix(name, "/topics/"+d.Topic)
}
