package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// leaks reports what of the secrets shows up in an error, however printed.
func (g *google) leaks(err error) string {
	texts := []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		texts = append(texts, fmt.Sprintf("%+v", inner), fmt.Sprintf("%#v", inner))
	}
	all := strings.Join(texts, "\n")
	if strings.Contains(all, secret) || strings.Contains(all, "PRIVATE KEY") || strings.Contains(all, subject) {
		return all
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, body := range g.sent {
		if strings.Contains(all, body) {
			return all
		}
	}
	return ""
}

func TestRefusalsAreExplained(t *testing.T) {
	t.Parallel()
	const (
		app, user, keyed, signed = "app", "user", "delegation by a key", "delegation by IAM"

		plain = `{"error": "%s", "error_description": ECHO, "error_uri": ECHO}`
		iam   = `{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": ECHO, "details": [{"reason": "%s"}]}}`
	)
	oauth := func(code string) answer { return answer{400, fmt.Sprintf(plain, code)} }
	said := func(code, description string) answer {
		return answer{400, fmt.Sprintf(`{"error": %q, "error_description": %q, "echo": ECHO}`, code, description)}
	}
	tests := []struct {
		name, who, path string
		answer          answer
		cause, remedy   string
	}{
		{"revoked", user, "/token", said("invalid_grant", "Token has been expired or revoked."), "withdrawn or has expired (invalid_grant)", "in Testing: make it Internal, or publish it"},
		{"session control", user, "/token", answer{400, `{"error": "invalid_grant", "error_subtype": "invalid_rapt", "error_description": ECHO}`}, "ends sessions", "session control"},
		{"client gone", user, "/token", oauth("deleted_client"), "(deleted_client)", "download the client again"},
		{"scope", user, "/token", oauth("invalid_scope"), "doesn't cover", "to every scope"},
		{"blocked", user, "/token", oauth("admin_policy_enforced"), "an administrator", "App access control"},
		{"other organization", user, "/token", oauth("org_internal"), "another organization", "user's own organization"},
		{"unknown code", user, "/token", answer{400, `{"error": ECHO}`}, "Google refuses the user's consent;", "give consent again"},
		{"no JSON", user, "/token", answer{403, `<html>ECHO`}, "Google refuses the user's consent;", "give consent again"},
		{"empty", user, "/token", answer{400, ``}, "Google refuses the user's consent;", "give consent again"},
		{"busy", user, "/token", answer{503, `{"error": ECHO}`}, "has a problem", "try again later"},
		{"too many", app, "/token", answer{429, `{"error": ECHO}`}, "has a problem", "try again later"},

		{"not allowed to act", keyed, "/token", answer{401, fmt.Sprintf(plain, "unauthorized_client")}, "may not act for users", "Domain-wide delegation"},
		{"no such user", keyed, "/token", said("invalid_grant", "Invalid email or User ID"), "no such user", "auth.subject"},
		{"clock", keyed, "/token", said("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."), "time wrong", "clock"},
		{"key deleted", app, "/token", said("invalid_grant", "Invalid JWT Signature."), "key was deleted", "replace the key"},
		{"account deleted", app, "/token", said("invalid_grant", "Invalid grant: account not found"), "account was deleted", "auth.credentials_file"},
		{"mystery", app, "/token", oauth("invalid_request"), "(invalid_request)", "Google's help"},

		{"may not sign", signed, ":signJwt", answer{403, fmt.Sprintf(iam, "IAM_PERMISSION_DENIED")}, "isn't allowed (PERMISSION_DENIED)", "add-iam-policy-binding " + account},
		{"API off", signed, ":signJwt", answer{403, fmt.Sprintf(iam, "SERVICE_DISABLED")}, "API is off", "gcloud services enable iamcredentials"},
		{"no such account", signed, ":generateAccessToken", answer{404, `{"error": {"status": "NOT_FOUND", "message": ECHO}}`}, "no service account", "attached to the machine"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := start(t)
			auth := map[string]config.Auth{
				app:    {Mode: config.AuthApp, CredentialsFile: g.serviceAccountKey()},
				user:   {Mode: config.AuthUser, TokenFile: g.consent()},
				keyed:  {Mode: config.AuthImpersonate, Subject: subject, CredentialsFile: g.serviceAccountKey()},
				signed: {Mode: config.AuthImpersonate, Subject: subject, CredentialsFile: g.impersonation()},
			}[test.who]
			g.refuse[test.path] = test.answer
			rt, err := opener{base: g}.transport(auth, []string{readMessages})
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.whoAmI(rt)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got error %v, want an *Error in it", err)
			}
			if !strings.Contains(err.Error(), test.cause) || !strings.Contains(err.Error(), test.remedy) {
				t.Errorf("got %v\nwant in it %q and %q", err, test.cause, test.remedy)
			}
			if want := test.answer.status == 429 || test.answer.status >= 500; e.Temporary() != want {
				t.Errorf("temporary: got %v, want %v", e.Temporary(), want)
			}
			if text := g.leaks(err); text != "" {
				t.Errorf("a secret shows in\n%s", text)
			}
		})
	}
}

func TestUnsuitableFilesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	g := start(t)
	brokenKey := g.write("broken.json", `{"type": "service_account", "client_email": "a@b", "private_key": "hunter2"}`)
	pool := g.write("pool.json", `{"type": "external_account", "audience": "//iam.googleapis.com/hunter2", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": "https://sts.googleapis.com/v1/token", "credential_source": {"file": "hunter2"}}`)
	tests := []struct {
		name string
		auth config.Auth
		want string
	}{
		{"no key file", config.Auth{CredentialsFile: "absent.json"}, "absent.json: no such file"},
		{"no JSON", config.Auth{CredentialsFile: g.write("x.json", "hunter2")}, "not one of Google's credentials files"},
		{"no type", config.Auth{CredentialsFile: g.write("x.json", `{"private_key": "hunter2"}`)}, "of a kind that isn't known"},
		{"broken key", config.Auth{CredentialsFile: brokenKey}, "private_key in the file can't be read"},
		{"a person as the app", config.Auth{CredentialsFile: g.consent()}, "who can't be the Chat app"},
		{"a person who acts for another", config.Auth{Mode: config.AuthImpersonate, CredentialsFile: g.consent()}, "no service account's"},
		{"a pool that acts for a person", config.Auth{Mode: config.AuthImpersonate, CredentialsFile: pool}, "no service account's"},
		{"no consent", config.Auth{Mode: config.AuthUser, TokenFile: "absent.json"}, "absent.json: no such file"},
		{"consent is no JSON", config.Auth{Mode: config.AuthUser, TokenFile: g.write("x.json", "hunter2")}, "not a JSON object"},
		{"consent lacks a part", config.Auth{Mode: config.AuthUser, TokenFile: g.write("x.json", `{"client_secret": "hunter2"}`)}, "it lacks"},
		{"consent to a stranger", config.Auth{Mode: config.AuthUser, TokenFile: g.write("x.json",
			`{"client_id": "7", "client_secret": "hunter2", "refresh_token": "hunter2", "token_uri": "http://stranger.example/hunter2"}`)}, "not https"},
	}
	for _, test := range tests {
		_, err := opener{base: g}.transport(test.auth, []string{readMessages})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q in it", test.name, err, test.want)
			continue
		}
		if text := g.leaks(err); text != "" {
			t.Errorf("%s: a secret shows in\n%s", test.name, text)
		}
	}
	if len(g.asked) > 0 {
		t.Errorf("asked for %v, want no call", g.asked)
	}
}

func TestTroubleWithTheNetwork(t *testing.T) {
	t.Parallel()
	g := start(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	file := g.write("x.json", fmt.Sprintf(`{"client_id": "7", "client_secret": "hunter2", "refresh_token": "hunter2", "token_uri": %q}`, gone.URL+"/token"))
	rt, err := opener{}.transport(config.Auth{Mode: config.AuthUser, TokenFile: file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.whoAmI(rt)
	var e *Error
	if !errors.As(err, &e) || !e.Temporary() || !strings.Contains(err.Error(), "can be reached") {
		t.Errorf("got error %v, want a temporary one about the network", err)
	}
	if text := g.leaks(err); text != "" {
		t.Errorf("a secret shows in\n%s", text)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://chat.googleapis.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := rt.RoundTrip(req); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want that of the context", err)
		if err == nil {
			resp.Body.Close()
		}
	}
}
