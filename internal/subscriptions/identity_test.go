package subscriptions_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// TestLostConsentIsSaidAtOnce refuses the user's token: no call gets as far as
// Google, and trying again is no use.
func TestLostConsentIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, `{"error": "invalid_grant", "error_description": "hunter2"}`, http.StatusBadRequest)
	}))
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	t.Cleanup(tokens.Close)
	file := filepath.Join(t.TempDir(), "consent.json")
	content := fmt.Sprintf(`{"client_id": "7", "client_secret": "hunter2", "refresh_token": "hunter2", "token_uri": %q}`, tokens.URL)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := subscriptions.New(t.Context(), subscriptions.Options{
		Endpoint: "https://workspaceevents.invalid", Auth: config.Auth{Mode: config.AuthUser, TokenFile: file},
		Wait: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	_, err = m.List(t.Context())
	if err == nil || !strings.Contains(err.Error(), "list the subscriptions: get an access token as the user of auth.token_file") {
		t.Fatalf("got error %v, want that the user has no token", err)
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "can't be reached") {
		t.Errorf("got error %v, want no secret and no talk of the network", err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked for %d tokens, want one", n)
	}

	if _, err := subscriptions.New(t.Context(), subscriptions.Options{Auth: config.Auth{Mode: config.AuthUser, TokenFile: "absent.json"}}); err == nil || !strings.Contains(err.Error(), "absent.json") {
		t.Errorf("got error %v, want one that names the file", err)
	}
}
