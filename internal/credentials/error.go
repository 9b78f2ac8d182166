package credentials

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/compute/metadata"

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

// source names the place that the credentials come from.
func source(a config.Auth) string {
	switch {
	case a.Mode == config.AuthUser:
		return "auth.token_file " + a.TokenFile
	case a.CredentialsFile != "":
		return "auth.credentials_file " + a.CredentialsFile
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

// unaccepted is about a token that Google gave and doesn't accept, nor another
// that was got at once.
func unaccepted(a config.Auth) error {
	remedy := "see that " + source(a) + " are of an account that still exists; what replaces them is taken up by itself"
	switch {
	case a.Mode == config.AuthUser:
		remedy = consentAgain(a)
	case a.CredentialsFile != "":
		remedy = "see that the account of " + source(a) + " still exists, and replace the file if not; the new one is taken up by itself"
	}
	return &Error{
		Doing: "call Google as " + speaker(a), Cause: "Google doesn't accept the access token", Remedy: remedy, Status: http.StatusUnauthorized,
	}
}

// statusCode is how the libraries begin when they quote an answer.
var statusCode = regexp.MustCompile(`status code (\d{3})\b`)

// errUnknown stands for an error whose text may hold anything.
var errUnknown = errors.New("the answer can't be read")

// asError keeps an [*Error] as it is. Of any other it shows only what can't
// quote an answer or a file.
func asError(a config.Auth, err error) error {
	var (
		known    *Error
		network  *url.Error
		machine  *metadata.Error
		nobody   metadata.NotDefinedError
		answer   *auth.Error
		path     *os.PathError
		program  *exec.ExitError
		complete = "see that " + source(a) + " are complete and up to date"
	)
	e := &Error{Doing: doing(a), Cause: "no token came", Remedy: complete, Err: errUnknown}
	switch quoted := statusCode.FindStringSubmatch(err.Error()); {
	case errors.As(err, &known):
		return known
	case errors.As(err, &network):
		host := "Google's token service"
		if u, err := url.Parse(network.URL); err == nil && u.Host != "" {
			host = u.Host
		}
		return unreachable(a, host, network.Err)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing(a), context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", doing(a), context.DeadlineExceeded)
	case errors.As(err, &machine):
		return ofMachine(a, machine.Code)
	case errors.As(err, &nobody):
		return ofMachine(a, http.StatusNotFound)
	case errors.As(err, &answer) && answer.Response != nil:
		return explainer{auth: a}.explain(answer.Response.Request, answer.Response.StatusCode, answer.Body)
	case errors.As(err, &path):
		e.Cause, e.Err = "a file that the credentials name can't be read", path
	case errors.As(err, &program):
		e.Cause, e.Err = "the program that the credentials name failed", fmt.Errorf("exit code %d", program.ExitCode())
	case strings.Contains(err.Error(), "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"):
		e.Cause, e.Remedy, e.Err = "the credentials name a program, and none may be run", "set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1, if you trust it", nil
	case quoted != nil: // of a request that the library makes by itself, with a client certificate
		status, _ := strconv.Atoi(quoted[1])
		return explainer{auth: a}.explain(nil, status, nil)
	}
	return e
}

// ofMachine explains an answer of the metadata server.
func ofMachine(a config.Auth, status int) error {
	e := &Error{Doing: doing(a), Status: status, Cause: "the metadata server has a problem", Remedy: "it usually passes; if not, restart the machine's metadata agent, or the machine"}
	if !e.Temporary() {
		e.Cause = fmt.Sprintf("the metadata server gives this machine no token (HTTP %d)", status)
		e.Remedy = "attach the Chat app's service account to this machine, or " + attach
	}
	return e
}

// unreachable explains why no answer came from a host.
func unreachable(a config.Auth, host string, err error) error {
	var (
		known       *Error
		certificate *tls.CertificateVerificationError
		name        *net.DNSError
		op          *net.OpError
		timeout     net.Error
	)
	e := &Error{
		Doing: doing(a), Cause: host + " can't be reached", Err: errors.New("the connection broke"),
		Remedy: "let this machine reach " + host + ", directly or by HTTPS_PROXY",
	}
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing(a), context.Canceled)
	case errors.As(err, &certificate):
		e.Cause, e.Err = host+" shows a certificate that isn't trusted here", certificate.Err
		e.Remedy = "set this machine's clock, if it is wrong; if a proxy opens the connections, name its certificate by SSL_CERT_FILE"
	case errors.As(err, &name):
		e.Cause, e.Err = host+" isn't found", name
		e.Remedy = "see this machine's name server, or name a proxy by HTTPS_PROXY"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Cause, e.Err = host+" doesn't answer in time", context.DeadlineExceeded
	case err.Error() == http.StatusText(http.StatusProxyAuthRequired):
		e.Cause, e.Err = "the proxy before "+host+" asks for a password", errors.New("HTTP 407")
		e.Remedy = "give it in HTTPS_PROXY"
	case errors.As(err, &op):
		e.Err = op
	}
	return e
}
