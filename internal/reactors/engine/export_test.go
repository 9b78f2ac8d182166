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

// Ask is what a run wants to reach: spaces/S, users/U or a host.
type Ask struct {
	Run   int64
	Event time.Time
	Tries int
	To    string
}

func (a Ask) ask() ask {
	to := breakersOf(&reactors.Request{To: a.To})
	return ask{run: a.Run, event: a.Event, tries: a.Tries, left: 3 * time.Hour, to: to, host: len(to) == 1}
}

// Allow asks for a permit, which is to be used or told that it wasn't. Without one,
// wait says when to come back.
func (b Breakers) Allow(a Ask) (done func(error), unused func(), wait time.Duration) {
	p, wait := b.allow(a.ask())
	return p.done, p.unused, wait
}

// Refused is how long a run waits after an attempt that failed, if a breaker is open.
func (b Breakers) Refused(a Ask) time.Duration { return b.refused(a.ask()) }

// Call lists the runs that are to be woken now.
func (b Breakers) Call() (runs []int64, next time.Duration) {
	calls, next := b.call()
	for _, a := range calls {
		runs = append(runs, a.run)
	}
	return runs, next
}

// Forget drops a run that has ended.
func (b Breakers) Forget(run int64) { b.forget(run) }

// Changed tells that Call may have more to say.
func (b Breakers) Changed() <-chan struct{} { return b.changed }
