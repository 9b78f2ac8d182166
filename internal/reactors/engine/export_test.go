package engine

import (
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// What tests of another package need to see.

// RetryPause is the pause after an attempt that failed.
var RetryPause = retryPause

// ShortWait is the longest wait for a write slot within an attempt.
const ShortWait = shortWait

// SetOpenFor makes breakers find out sooner whether the other side is back.
func (d *Dispatcher) SetOpenFor(openFor time.Duration) { d.breakers = newBreakers(d.log, openFor) }

// Breakers are a worker's.
type Breakers struct{ *breakers }

// NewBreakers returns those of a new worker.
func NewBreakers() Breakers { return Breakers{newBreakers(zap.NewNop(), openFor)} }

// Allow asks for the leave to write to a space; the permit is to be used or
// told that it wasn't. Without one, wait says when to come back.
func (b Breakers) Allow(space string, eventTime time.Time) (done func(error), unused func(), wait time.Duration) {
	p, wait := b.allow(breakersOf(&reactors.Request{Write: &reactors.Write{Space: space}}), eventTime)
	return p.done, p.unused, wait
}

// Wait is how long a run waits after an attempt, if a breaker has opened.
func (b Breakers) Wait(space string, eventTime time.Time) time.Duration {
	return b.wait(breakersOf(&reactors.Request{Write: &reactors.Write{Space: space}}), eventTime)
}
