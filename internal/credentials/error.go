package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// Error says why there are no credentials or why they give no access token,
// and what to do about it. It holds nothing that was sent to Google, and of
// what came back just a code.
type Error struct {
	Doing  string // "get an access token as the user of auth.token_file"
	Cause  string
	Remedy string
	Code   string // Google's: "invalid_grant"; "" if there was none
	Status int    // the HTTP status; 0 if no answer came
	Err    error  // what else is known; nil if Google answered
}

func (e *Error) Error() string {
	text := e.Doing + ": " + e.Cause
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; " + e.Remedy
}

func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether trying again soon may help.
func (e *Error) Temporary() bool {
	if e.Status == 0 {
		return e.Err != nil && !errors.Is(e.Err, os.ErrNotExist) && !errors.Is(e.Err, os.ErrPermission)
	}
	return e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// speaker names who we are without a name: errors are logged.
func speaker(a config.Auth) string {
	switch a.Mode {
	case config.AuthUser:
		return "the user of auth.token_file"
	case config.AuthImpersonate:
		return "the user of auth.subject"
	}
	return "the service account"
}

func doing(a config.Auth) string { return "get an access token as " + speaker(a) }

// source names the place that the service account's credentials come from.
func source(a config.Auth) string {
	if a.CredentialsFile != "" {
		return "auth.credentials_file"
	}
	return "the Application Default Credentials"
}

const attach = "set auth.credentials_file to a workload identity configuration or a key, run where the service account is attached to the machine, or " + borrow

const borrow = "gcloud auth application-default login --impersonate-service-account=ACCOUNT"

func noCredentials(a config.Auth) error {
	e := &Error{Doing: "find credentials for " + speaker(a), Cause: "there are no Application Default Credentials here", Remedy: attach}
	if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		e.Cause = "the file that GOOGLE_APPLICATION_CREDENTIALS names can't be used"
	}
	return e
}

func unsuitable(a config.Auth, cause string) error {
	return &Error{
		Doing: "use " + source(a) + " for " + speaker(a), Cause: cause, Remedy: "use those of the Chat app's service account: " + attach,
	}
}

// asError keeps an [*Error] as it is. What else can come here are troubles with
// the network, the metadata server and files.
func asError(a config.Auth, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", doing(a), err)
	}
	remedy := "see that " + source(a) + " are complete and up to date"
	var network *url.Error
	if errors.As(err, &network) {
		remedy = "see that Google's token service can be reached"
	}
	return &Error{Doing: doing(a), Cause: "no token came", Remedy: remedy, Err: err}
}
