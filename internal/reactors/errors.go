package reactors

import (
	"errors"
	"time"
)

// marked is an error that says more of itself than its text. Each mark is a type
// around it.
type marked struct{ error }

func (m marked) Unwrap() error { return m.error }

type (
	permanentError  struct{ marked }
	throttledError  struct{ marked }
	retryAfterError struct {
		marked
		after time.Duration
	}
)

// Permanent marks an error that no retry can mend, such as a missing
// permission: the run is parked with the error's text as its reason.
func Permanent(err error) error { return permanentError{marked{err}} }

// IsPermanent reports whether err, or an error it wraps, is permanent.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[permanentError](err)
	return ok
}

// RetryAfter marks an error that says when to try again: the run is tried no
// earlier than after d.
func RetryAfter(d time.Duration, err error) error { return retryAfterError{marked{err}, d} }

// RetryDelay returns the delay of a [RetryAfter] error.
func RetryDelay(err error) (time.Duration, bool) {
	r, ok := errors.AsType[retryAfterError](err)
	return r.after, ok
}

// Throttled marks an error by which the other side asks for fewer requests.
func Throttled(err error) error { return throttledError{marked{err}} }

// IsThrottled reports whether err, or an error it wraps, asks for fewer
// requests.
func IsThrottled(err error) bool {
	_, ok := errors.AsType[throttledError](err)
	return ok
}
