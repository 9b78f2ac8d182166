package subscriptions

import (
	"net/http"
	"sync"
	"time"
)

// clock tells the time by Google's clock: expiry is by it, and ours may be
// wrong.
type clock struct {
	now func() time.Time // ours

	mu    sync.Mutex
	ahead time.Duration
}

// inStep is a difference that is no more than what the Date header cuts off
// and a call takes.
const inStep = 2 * time.Second

// set takes the time from an answer's Date header, which has no fractions of
// a second.
func (c *clock) set(answer http.Header) {
	date, err := http.ParseTime(answer.Get("Date"))
	if err != nil {
		return
	}
	ahead := date.Sub(c.now())
	if ahead > -inStep && ahead < inStep {
		ahead = 0
	}
	c.mu.Lock()
	c.ahead = ahead
	c.mu.Unlock()
}

func (c *clock) skew() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

func (c *clock) google() time.Time { return c.now().Add(c.skew()).UTC() }
