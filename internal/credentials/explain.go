package credentials

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// explainer turns answers that refuse a token into an [*Error], before a
// library puts their body into an error of its own.
type explainer struct {
	base    http.RoundTripper
	auth    config.Auth
	account string // the service account that signs, if it is known
}

func (x explainer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := x.base.RoundTrip(req)
	if err != nil || resp.StatusCode < 400 {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		body = nil // what is known is the status
	}
	r := read(resp.StatusCode, body)
	e := &Error{Doing: doing(x.auth), Status: r.status, Code: r.known()}
	switch {
	case e.Temporary():
		e.Cause, e.Remedy = "Google's token service has a problem", "try again later"
	case strings.HasSuffix(req.URL.Path, ":signJwt"), strings.HasSuffix(req.URL.Path, ":generateAccessToken"):
		e.Cause, e.Remedy = r.aboutIAM(x.account)
	case x.auth.Mode == config.AuthUser:
		e.Cause, e.Remedy = r.aboutConsent()
	case x.auth.Mode == config.AuthImpersonate:
		e.Cause, e.Remedy = r.aboutDelegation()
	default:
		e.Cause, e.Remedy = r.aboutAccount()
	}
	return nil, e
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
