package credentials

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

const readMessages = prefix + "chat.messages.readonly"

// whoAmI makes a call to an API as the identity.
func (g *google) whoAmI(rt http.RoundTripper) (string, error) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, "https://chat.googleapis.com/whoami", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: rt}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestTransportSpeaksAsConfigured(t *testing.T) {
	t.Parallel()
	g := start(t)
	tests := []struct {
		name   string
		auth   config.Auth
		scopes []string
		want   string
	}{
		{"app by a key", config.Auth{Mode: config.AuthApp, CredentialsFile: g.serviceAccountKey()},
			[]string{BotScope, readMessages}, account + " [" + BotScope + " " + readMessages + "]"},
		{"app by impersonation", config.Auth{Mode: config.AuthApp, CredentialsFile: g.impersonation()},
			[]string{BotScope}, account + " [" + BotScope + "]"},
		{"app by a pool", config.Auth{Mode: config.AuthApp, CredentialsFile: g.pool(account)},
			[]string{BotScope}, account + " [" + BotScope + "]"},
		{"a pool's own, for Google Cloud", config.Auth{Mode: config.AuthApp, CredentialsFile: g.pool("")},
			[]string{cloudPlatform}, "pool by hunter2-subject [" + cloudPlatform + "]"},
		{"user", config.Auth{Mode: config.AuthUser, TokenFile: g.consent()},
			[]string{readMessages}, "user by hunter2-refresh []"}, // with the scopes of the consent
		{"delegation by a key", config.Auth{Mode: config.AuthImpersonate, Subject: subject, CredentialsFile: g.serviceAccountKey()},
			[]string{readMessages}, account + " for " + subject + " [" + readMessages + "]"},
		{"delegation by IAM", config.Auth{Mode: config.AuthImpersonate, Subject: subject, CredentialsFile: g.impersonation()},
			[]string{readMessages}, account + " for " + subject + " [" + readMessages + "]"},
		{"the app beside a user", config.Auth{Mode: config.AuthUser, TokenFile: "absent", CredentialsFile: g.serviceAccountKey()}.AsApp(),
			[]string{BotScope}, account + " [" + BotScope + "]"},
		{"a person's own, for Google Cloud", config.Auth{Mode: config.AuthApp, CredentialsFile: g.consent()},
			[]string{cloudPlatform}, "user by hunter2-refresh []"},
	}
	for _, test := range tests {
		rt, err := opener{base: g}.transport(test.auth, test.scopes)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for range 2 {
			if got, err := g.whoAmI(rt); err != nil || got != test.want {
				t.Errorf("%s: got %q (%v), want %q", test.name, got, err, test.want)
			}
		}
	}
}

func TestTokensAreKept(t *testing.T) {
	t.Parallel()
	g := start(t)
	rt, err := opener{base: g}.transport(config.Auth{Mode: config.AuthUser, TokenFile: g.consent()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := g.whoAmI(rt); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(g.asked, " "); strings.Count(got, "/token") != 1 {
		t.Errorf("asked for %s, want one token", got)
	}
}

// TestNewConsentIsSeen replaces the file while the transport is open.
func TestNewConsentIsSeen(t *testing.T) {
	t.Parallel()
	g := start(t)
	file := g.consent()
	rt, err := opener{base: g}.transport(config.Auth{Mode: config.AuthUser, TokenFile: file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.refuse["/token"] = answer{400, `{"error": "invalid_grant"}`}
	if _, err := g.whoAmI(rt); err == nil {
		t.Fatal("got no error")
	}
	delete(g.refuse, "/token")
	content := fmt.Sprintf(`{"client_id": "7", "client_secret": "%s-client", "refresh_token": "%s-refresh-2"}`, secret, secret)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := g.whoAmI(rt); err != nil || got != "user by hunter2-refresh-2 []" {
		t.Errorf("got %q (%v), want the new consent", got, err)
	}
}

func TestLocalEndpointsGetNoCredentials(t *testing.T) {
	t.Parallel()
	g := start(t)
	rt, err := Transport(config.Auth{Mode: config.AuthUser, TokenFile: "absent"}, true, BotScope)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.url.String()+"/whoami", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer rt.(*http.Transport).CloseIdleConnections()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != " []" {
		t.Errorf("got %q (%v), want nobody", body, err)
	}
}

// TestMetadataServer runs as the service account of the machine.
func TestMetadataServer(t *testing.T) {
	g := start(t)
	t.Setenv("GCE_METADATA_HOST", g.url.Host)
	for _, test := range []struct {
		auth config.Auth
		want string
	}{
		{config.Auth{Mode: config.AuthApp}, account + " [" + readMessages + "]"},
		{config.Auth{Mode: config.AuthImpersonate, Subject: subject}, account + " for " + subject + " [" + readMessages + "]"},
	} {
		rt, err := opener{base: g}.transport(test.auth, []string{readMessages})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := g.whoAmI(rt); err != nil || got != test.want {
			t.Errorf("mode %s: got %q (%v), want %q", test.auth.Mode, got, err, test.want)
		}
		if i, err := Describe(test.auth); err != nil || i.Source != "the metadata server" {
			t.Errorf("got identity %+v (%v)", i, err)
		}
	}
}
