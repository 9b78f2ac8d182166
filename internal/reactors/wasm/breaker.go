package wasm

import (
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker/v2"
)

// A module that overruns its time limit so many times within a minute, and not
// only now and then, is left out for another. Then a single run tries it again.
const (
	maxOverruns = 3
	nowAndThen  = 10 // of so many runs one
	leftOutFor  = time.Minute
)

// breaker keeps from starting a module that does nothing but take a processor
// for as long as it may. It belongs to one version of a module and to this
// process.
type breaker = gobreaker.CircuitBreaker[[]byte]

func newBreaker(digest string) *breaker {
	return gobreaker.NewCircuitBreaker[[]byte](gobreaker.Settings{
		Name:        digest,
		Timeout:     leftOutFor,
		Interval:    leftOutFor,
		ReadyToTrip: overruns,
		// A trap or a bad answer is cheap, and says nothing about what the next
		// run takes. So it counts neither way.
		IsExcluded: func(err error) bool {
			var overrun *overrunError
			return err != nil && !errors.As(err, &overrun)
		},
	})
}

// overruns judges by what was counted within a minute. A busy machine makes a
// good module late now and then; but one that is late ten times as often as it
// may be, however many runs go well, takes too much of a processor.
func overruns(c gobreaker.Counts) bool {
	late, all := c.TotalFailures, c.TotalFailures+c.TotalSuccesses
	return late >= maxOverruns && (late*nowAndThen >= all || late >= maxOverruns*nowAndThen)
}

// overrunError is a module that had to be stopped.
type overrunError struct{ limit time.Duration }

func (e *overrunError) Error() string { return fmt.Sprintf("it took longer than %s", e.limit) }

// leftOut says why a module isn't started.
func (a *Action) leftOut() error {
	return fmt.Errorf("it has taken longer than %s too often and is left out for a minute;"+
		" once it is mended, subscriber reactors retry --failed tries such runs again", a.options.Timeout)
}
