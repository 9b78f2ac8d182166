package credentials

import (
	"errors"
	"net/url"
	"strings"
)

// Brief takes the address out of an error of one of Google's HTTP clients, which
// quote it whole, with all parameters encoded. What is left says the host, the
// method, the resource and why. Any other error stays as it is.
func Brief(err error) error {
	var long *url.Error
	var known *Error
	switch {
	case !errors.As(err, &long):
		return err
	case errors.As(err, &known): // no call was made, as there is no token
		return known
	}
	return &briefError{err, long}
}

type briefError struct {
	all  error
	long *url.Error
}

func (e *briefError) Unwrap() error { return e.all }

func (e *briefError) Error() string {
	u, err := url.Parse(e.long.URL)
	if err != nil {
		return e.long.Err.Error()
	}
	return u.Host + " gave no answer to " + strings.ToUpper(e.long.Op) + " " + strings.TrimPrefix(u.Path, "/") + ": " + e.long.Err.Error()
}
