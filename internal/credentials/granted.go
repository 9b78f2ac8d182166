package credentials

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/api/googleapi"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

const (
	tokenInfoURL      = "https://oauth2.googleapis.com/tokeninfo" //nolint:gosec // an address
	scopeInsufficient = "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
)

// Granted asks Google which scopes a token holds that was requested with these.
// The metadata server of a virtual machine, and a consent, give what they have,
// whatever was requested.
func Granted(ctx context.Context, a config.Auth, scopes ...string) ([]string, error) {
	return opener{}.granted(ctx, a, scopes)
}

func (o opener) granted(ctx context.Context, a config.Auth, scopes []string) ([]string, error) {
	held, err := o.hold(a, scopes)
	if err != nil {
		return nil, err
	}
	token, err := held.Token(ctx)
	if err != nil {
		return nil, err
	}
	form := strings.NewReader(url.Values{"access_token": {token.Value}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, tokenInfoURL, form)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := o.tokenClient(a, file{}).Do(req)
	if err != nil {
		return nil, asError(a, err)
	}
	defer resp.Body.Close()
	var info struct {
		Scope string `json:"scope"`
	}
	if json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&info) != nil {
		return nil, fmt.Errorf("ask for the scopes of a token: %w", errUnknown)
	}
	return strings.Fields(info.Scope), nil
}

// Lacking are the scopes that those which are granted don't cover.
func Lacking(wanted, granted []string) []string {
	var list []string
	for _, scope := range wanted {
		wider := strings.TrimSuffix(scope, ".readonly")
		covered := slices.Contains(granted, scope) || slices.Contains(granted, wider)
		if scope == reactionsOnly {
			covered = covered || slices.Contains(granted, prefix+"chat.messages") || slices.Contains(granted, prefix+"chat.messages.readonly")
		}
		if !covered {
			list = append(list, scope)
		}
	}
	return list
}

// ScopeMissing reports whether Google refused a call because its token lacks a
// scope, and not because of a right.
func ScopeMissing(answer *googleapi.Error) bool {
	return answer.Code == http.StatusForbidden &&
		(strings.Contains(answer.Body, scopeInsufficient) || strings.Contains(answer.Header.Get("Www-Authenticate"), "insufficient_scope"))
}

// AlreadyExists is a google.rpc.Code. Google answers 409 with others, too, such as
// ABORTED, which only says that the request came to nothing this time.
const AlreadyExists = "ALREADY_EXISTS"

// Status is the google.rpc.Code of an answer, such as ALREADY_EXISTS; "" if it tells
// none. It tells apart what shares an HTTP status.
func Status(answer *googleapi.Error) string {
	var body struct {
		Error struct {
			Status string `json:"status"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(answer.Body), &body) // a proxy's page tells none
	return body.Error.Status
}
