package credentials

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"cloud.google.com/go/auth/credentials"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// explainer turns failed requests of a token into an [*Error], before a library
// puts the answer into an error of its own.
type explainer struct {
	base http.RoundTripper
	auth config.Auth
	file file // what the credentials are; the zero value for the metadata server's
}

func (x explainer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	introduce(req)
	resp, err := x.base.RoundTrip(req)
	if err != nil {
		return nil, unreachable(x.auth, req.URL.Host, err)
	}
	if resp.StatusCode < 400 {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		body = nil // what is known is the status
	}
	return nil, x.explain(req, resp.StatusCode, body)
}

// explain says why the request, nil if it isn't known, was refused.
func (x explainer) explain(req *http.Request, status int, body []byte) error {
	r := read(status, body)
	host, path := "Google's token service", ""
	if req != nil {
		host, path = req.URL.Host, req.URL.Path
	}
	e := &Error{Doing: doing(x.auth), Status: r.status, Code: r.known()}
	account, call := signedFor(path)
	switch {
	case e.Temporary():
		e.Cause, e.Remedy = fmt.Sprintf("%s has a problem (HTTP %d)", host, status), "it usually passes; try again later"
	case call == signs || call == impersonates:
		e.Cause, e.Remedy = r.aboutIAM(account, call, x.file)
	case x.auth.Mode == config.AuthUser:
		e.Cause, e.Remedy = r.aboutConsent(x.auth)
	case x.file.Type == credentials.ExternalAccount && req != nil && !x.file.isTokenService(req.URL.String()):
		e.Cause = fmt.Sprintf("%s, which %s names, gives this machine no token (HTTP %d)", host, source(x.auth), status)
		e.Remedy = "see its credential_source"
	case x.file.Type == credentials.ExternalAccount:
		e.Cause, e.Remedy = r.aboutPool(x.file)
	case x.file.person():
		e.Cause, e.Remedy = r.aboutPerson(x.file)
	case x.auth.Mode == config.AuthImpersonate:
		e.Cause, e.Remedy = r.aboutDelegation(x.auth)
	default:
		e.Cause, e.Remedy = r.aboutKey(x.auth)
	}
	return e
}

// IAM's calls.
const (
	signs        = "signJwt"
	impersonates = "generateAccessToken"
)

// signedFor is the service account that IAM is asked to act as.
func signedFor(path string) (account, call string) {
	_, rest, _ := strings.Cut(path, "/serviceAccounts/")
	account, call, _ = strings.Cut(rest, ":")
	return account, call
}

// refusal is what an answer says. The text may repeat what was sent: it is
// looked into and never shown.
type refusal struct {
	status  int
	code    string // of OAuth, "invalid_grant", or of IAM, "PERMISSION_DENIED"
	subtype string // "invalid_rapt"
	text    string // lower case
}

func read(status int, body []byte) refusal {
	r := refusal{status: status, text: strings.ToLower(string(body))}
	var oauth struct {
		Error   string `json:"error"`
		Subtype string `json:"error_subtype"`
	}
	var iam struct {
		Error struct {
			Status string `json:"status"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &oauth) == nil {
		r.code, r.subtype = oauth.Error, oauth.Subtype
	} else if json.Unmarshal(body, &iam) == nil {
		r.code = iam.Error.Status
	}
	return r
}

// known is the code if it is one that Google documents: a stranger's may hold
// anything.
func (r refusal) known() string {
	if slices.Contains([]string{
		"access_denied", "admin_policy_enforced", "deleted_client", "disabled_client", "invalid_client", "invalid_grant",
		"invalid_request", "invalid_scope", "invalid_target", "org_internal", "unauthorized_client", "unsupported_grant_type",
		"INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED",
	}, r.code) {
		return r.code
	}
	return ""
}

// says reports whether the answer has one of these words.
func (r refusal) says(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(r.text, w) })
}
