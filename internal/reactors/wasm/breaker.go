package wasm

import (
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker/v2"
)

// A module that overruns its time limit so many times in a row is left out for
// a while. Then a single run tries it again.
const (
	mostOverruns = 3
	leftOutFor   = time.Minute
)

// breaker keeps from starting a module that does nothing but take a processor
// for as long as it may. It belongs to one version of a module and to this
// process.
type breaker = gobreaker.CircuitBreaker[[]byte]

func newBreaker(digest string) *breaker {
	return gobreaker.NewCircuitBreaker[[]byte](gobreaker.Settings{
		Name:        digest,
		Timeout:     leftOutFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= mostOverruns },
		// A trap or a bad answer is cheap, and says nothing about what the next
		// run takes. So it counts neither way.
		IsExcluded: func(err error) bool {
			var overrun *overrunError
			return err != nil && !errors.As(err, &overrun)
		},
	})
}

// overrunError is a module that had to be stopped.
type overrunError struct{ limit time.Duration }

func (e *overrunError) Error() string { return fmt.Sprintf("it took longer than %s", e.limit) }

// leftOut says why a module isn't started.
func (a *Action) leftOut() error {
	return fmt.Errorf("it has taken longer than %s three times in a row and is left out for a minute;"+
		" once it is mended, subscriber reactors retry tries this run again", a.options.Timeout)
}
