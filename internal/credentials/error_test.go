package credentials

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/compute/metadata"

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
		person, pool             = "app by a person", "app by a pool"

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

		{"key without the scopes", app, "/token", answer{401, fmt.Sprintf(plain, "unauthorized_client")}, "no token with these scopes (unauthorized_client)", "approve the Chat app's scopes"},
		{"token service breaks", app, "/token", answer{500, `ECHO`}, "oauth2.googleapis.com has a problem (HTTP 500)", "try again later"},
		{"person may not impersonate", person, ":generateAccessToken", answer{403, fmt.Sprintf(iam, "IAM_PERMISSION_DENIED")},
			"isn't allowed (PERMISSION_DENIED)", account + " --member=user:YOUR-ADDRESS --role=roles/iam.serviceAccountTokenCreator"},
		{"person's session ended", person, "/token", said("invalid_grant", "reauth related error (invalid_rapt)"), "ends a person's sessions", "login --impersonate-service-account=" + account},
		{"person's consent ended", person, "/token", oauth("invalid_grant"), "logged in by gcloud has ended", "login --impersonate-service-account=" + account},
		{"pool may not impersonate", pool, ":generateAccessToken", answer{403, fmt.Sprintf(iam, "IAM_PERMISSION_DENIED")}, "isn't allowed",
			account + " --member=principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/site/* --role=roles/iam.workloadIdentityUser"},
		{"pool doesn't exist", pool, "/token", oauth("invalid_target"), "doesn't exist, or is disabled (invalid_target)", "projects/1/locations/global/workloadIdentityPools/site and the provider"},
		{"pool refuses", pool, "/token", oauth("unauthorized_client"), "doesn't let this machine in (unauthorized_client)", "attribute condition"},
		{"pool finds the token old", pool, "/token", said("invalid_grant", "ID Token issued at 1 is stale to sign-in."), "has expired", "clock"},
		{"no subject token", pool, "/subject", answer{403, `ECHO`}, "metadata.example, which auth.credentials_file", "credential_source"},
		{"subject's place breaks", pool, "/subject", answer{503, `ECHO`}, "metadata.example has a problem (HTTP 503)", "try again later"},

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
				person: {Mode: config.AuthApp, CredentialsFile: g.impersonation()},
				pool:   {Mode: config.AuthApp, CredentialsFile: g.pool(account)},
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
		{"a pool as the app", config.Auth{Mode: config.AuthApp, CredentialsFile: pool}, "impersonates the app's service account"},
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

// roundTripper is a network that does what the function does.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestTroubleWithTheNetwork tells the ways apart in which no answer comes.
func TestTroubleWithTheNetwork(t *testing.T) {
	t.Parallel()
	g := start(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	strange := httptest.NewTLSServer(http.NotFoundHandler())
	strange.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(strange.Close)
	to := func(url string) roundTripper {
		return func(req *http.Request) (*http.Response, error) {
			again, err := http.NewRequestWithContext(req.Context(), http.MethodGet, url, nil)
			if err != nil {
				return nil, err
			}
			return http.DefaultTransport.RoundTrip(again)
		}
	}
	for name, test := range map[string]struct {
		network roundTripper
		want    []string
	}{
		"refused":     {to(gone.URL), []string{"oauth2.googleapis.com can't be reached: dial", "let this machine reach oauth2.googleapis.com"}},
		"certificate": {to(strange.URL), []string{"certificate that isn't trusted here: x509", "SSL_CERT_FILE"}},
		"no name": {func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "oauth2.googleapis.com"}}
		}, []string{"oauth2.googleapis.com isn't found", "name server"}},
		"hangs": {func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}, []string{"oauth2.googleapis.com doesn't answer in time", "let this machine reach"}},
		"proxy": {func(*http.Request) (*http.Response, error) { return nil, errors.New("Proxy Authentication Required") },
			[]string{"the proxy before oauth2.googleapis.com asks for a password", "HTTPS_PROXY"}},
		"garbage": {func(*http.Request) (*http.Response, error) {
			return nil, errors.New(`malformed HTTP response "hunter2"`)
		}, []string{"oauth2.googleapis.com can't be reached: the connection broke"}},
	} {
		for _, auth := range []config.Auth{{Mode: config.AuthUser, TokenFile: g.consent()}, {CredentialsFile: g.serviceAccountKey()}, {CredentialsFile: g.impersonation()}} {
			held, err := opener{base: test.network}.hold(auth, []string{BotScope})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if name != "hangs" {
				ctx = t.Context()
			}
			_, err = held.Token(ctx)
			cancel()
			var e *Error
			if !errors.As(err, &e) || !e.Temporary() {
				t.Errorf("%s: got error %v, want a temporary one", name, err)
				continue
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: got %v\nwant %q in it", name, err, want)
				}
			}
			if text := g.leaks(err); text != "" {
				t.Errorf("%s: a secret shows in\n%s", name, text)
			}
		}
	}

	rt, err := opener{base: to(gone.URL)}.transport(config.Auth{Mode: config.AuthUser, TokenFile: g.consent()}, nil)
	if err != nil {
		t.Fatal(err)
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

// A token service that takes a request and never answers is given up, and named,
// within seconds: a caller may have all the time of the world.
func TestHangingTokenService(t *testing.T) {
	t.Parallel()
	g := start(t)
	hangs := roundTripper(func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	})
	for _, auth := range []config.Auth{{Mode: config.AuthUser, TokenFile: g.consent()}, {CredentialsFile: g.serviceAccountKey()}, {CredentialsFile: g.impersonation()}} {
		synctest.Test(t, func(t *testing.T) {
			held, err := opener{base: hangs}.hold(auth, []string{BotScope})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = held.Token(t.Context())
			if err == nil || !strings.Contains(err.Error(), "oauth2.googleapis.com doesn't answer in time") {
				t.Errorf("got error %v, want one that names the token service", err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestOtherFailures are those that come from a library or the machine.
func TestOtherFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err       error
		want      string
		temporary bool
	}{
		"metadata server busy":        {&metadata.Error{Code: 503, Message: secret}, "the metadata server has a problem", true},
		"metadata server says no":     {&metadata.Error{Code: 403, Message: secret}, "attach the Chat app's service account", false},
		"no account":                  {metadata.NotDefinedError(secret), "attach the Chat app's service account", false},
		"by the library's own client": {errors.New("credentials: status code 403: " + secret), "(HTTP 403)", false},
		"its server is busy":          {errors.New("credentials: status code 503: " + secret), "try again later", true},
		"refused with 200":            {&auth.Error{Response: &http.Response{StatusCode: http.StatusOK}, Body: []byte(`{"error": "invalid_grant", "x": "hunter2"}`)}, "(invalid_grant)", false},
		"no program":                  {errors.New("credentials: set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES to '1'"), "none may be run", false},
		"subject token's file":        {fmt.Errorf("%s: %w", secret, &os.PathError{Op: "open", Path: "token", Err: os.ErrNotExist}), "open token:", false},
		"anything":                    {errors.New(secret), "the answer can't be read", true},
	} {
		err := asError(config.Auth{}, test.err)
		var e *Error
		if !errors.As(err, &e) || e.Temporary() != test.temporary || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q in it, temporary: %v", name, err, test.want, test.temporary)
		}
		if strings.Contains(fmt.Sprintf("%v %#v", err, err), secret) {
			t.Errorf("%s: a secret shows in %#v", name, err)
		}
	}
}
