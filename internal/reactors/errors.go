package reactors

import (
	"errors"
	"time"
)

// Permanent marks an error that no retry can mend, such as a missing
// permission: the run is parked with the error's text as its reason.
func Permanent(err error) error { return &permanentError{err} }

// IsPermanent reports whether err, or an error it wraps, is permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// RetryAfter marks an error that says when to try again: the run is tried no
// earlier than after d.
func RetryAfter(d time.Duration, err error) error { return &retryAfterError{d, err} }

// RetryDelay returns the delay of a [RetryAfter] error.
func RetryDelay(err error) (time.Duration, bool) {
	var r *retryAfterError
	if errors.As(err, &r) {
		return r.after, true
	}
	return 0, false
}

type retryAfterError struct {
	after time.Duration
	err   error
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// Throttled marks an error by which the other side asks for fewer requests.
func Throttled(err error) error { return &throttledError{err} }

// IsThrottled reports whether err, or an error it wraps, asks for fewer
// requests.
func IsThrottled(err error) bool {
	var t *throttledError
	return errors.As(err, &t)
}

type throttledError struct{ err error }

func (e *throttledError) Error() string { return e.err.Error() }
func (e *throttledError) Unwrap() error { return e.err }
