package doctor

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
)

// TestTokens: what Google says of a token is what is shown, and the token
// would have been for the one scope in question.
func TestTokens(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mode, does, asked string
		judge             run
		want              Outcome
		fix               string
	}{
		{
			config.AuthImpersonate, "react", "person@example.com https://www.googleapis.com/auth/chat.messages.reactions.create",
			withRules(rulesReact), Failed, "allow the service account's client id https://www.googleapis.com/auth/chat.messages.reactions.create",
		},
		{config.AuthApp, "add_member", " https://www.googleapis.com/auth/chat.app.memberships", withRules(rulesChangeMembers), Skipped, ""},
	} {
		google := newTokens(t)
		w := &env{}
		w.credentials(t, google.account(t))
		w.cfg.Auth.Mode, w.cfg.Auth.Subject = test.mode, "person@example.com"
		w.cfg.Endpoints.Chat = "https://chat.invalid/" // never reached without a token
		e, _ := prepare(t.Context(), Options{Config: w.cfg, Timeout: 10 * time.Second, Rules: func() ([]Rule, error) {
			return []Rule{{ID: "cheer", Mode: live, Chat: []string{test.does}}}, nil
		}})
		defer e.close()
		e.spaces = func() ([]gchat.SpaceInfo, error) { return []gchat.SpaceInfo{{Name: "spaces/S"}}, nil }
		got := e.run(t.Context(), check{run: test.judge})
		if got.outcome != test.want || !strings.Contains(got.seen, "(unauthorized_client)") || !strings.Contains(strings.Join(got.fix, "\n"), test.fix) {
			t.Errorf("%s: got %+v", test.does, got)
		}
		if got := <-google.asked; got != test.asked {
			t.Errorf("%s: asked for a token for %q", test.does, got)
		}
	}
}

// tokens is Google's token service, which refuses everything.
type tokens struct {
	*httptest.Server
	asked chan string // for whom, and for which scopes
}

func newTokens(t *testing.T) *tokens {
	t.Helper()
	s := &tokens{asked: make(chan string, 10)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var claims struct{ Sub, Scope string }
		if parts := strings.Split(r.FormValue("assertion"), "."); len(parts) == 3 {
			raw, err := base64.RawURLEncoding.DecodeString(parts[1])
			if err != nil || json.Unmarshal(raw, &claims) != nil {
				t.Errorf("the assertion can't be read: %v", err)
			}
		}
		s.asked <- claims.Sub + " " + claims.Scope
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(rw, `{"error": "unauthorized_client"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// account is the key of a service account that has its tokens from s.
func (s *tokens) account(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	try(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	try(t, err)
	raw, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "acme-chat", "client_id": "1042", "client_email": "bot@acme-chat.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": s.URL,
	})
	try(t, err)
	return string(raw)
}
