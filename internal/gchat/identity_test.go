package gchat_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// TestWhoReadsAndWhoSends refuses the user's token, so that no call gets as far
// as Google: an error tells as whom it was to be made.
func TestWhoReadsAndWhoSends(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "absent.json"))
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error": "invalid_grant", "error_description": "hunter2"}`, http.StatusBadRequest)
	}))
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer tokens.Close()
	file := filepath.Join(t.TempDir(), "consent.json")
	content := fmt.Sprintf(`{"client_id": "7", "client_secret": "hunter2", "refresh_token": "hunter2", "token_uri": %q}`, tokens.URL)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	const endpoint = "https://chat.invalid"
	client, err := gchat.New(t.Context(), gchat.Options{Endpoint: endpoint, Auth: config.Auth{Mode: config.AuthUser, TokenFile: file}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	_, listErr := client.Spaces(t.Context(), "")
	_, readErr := client.Message(t.Context(), "spaces/A/messages/B")
	for what, err := range map[string]error{"list spaces": listErr, "read a message": readErr} {
		var e *credentials.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "as the user of auth.token_file") {
			t.Errorf("%s: got error %v, want one of the user's credentials", what, err)
		}
	}
	_, sendErr := client.CreateMessage(t.Context(), gchat.CreateMessage{Space: "spaces/A", RequestID: "r", MessageID: "client-m", Text: "hello"})
	if sendErr == nil || !strings.Contains(sendErr.Error(), "GOOGLE_APPLICATION_CREDENTIALS") {
		t.Errorf("send: got error %v, want that there are no credentials of the app", sendErr)
	}
	if reactors.IsPermanent(sendErr) {
		t.Error("send: the error is permanent, but a person can mend it in time")
	}
	_, lookErr := client.MembershipState(t.Context(), "spaces/A", "users/1")
	if lookErr == nil || !strings.Contains(lookErr.Error(), "GOOGLE_APPLICATION_CREDENTIALS") {
		t.Errorf("look before a removal: got error %v, want that there are no credentials of the app", lookErr)
	}
	for _, err := range []error{listErr, readErr, sendErr, lookErr} {
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a secret shows in %v", err)
		}
	}

	if _, err := gchat.New(t.Context(), gchat.Options{Endpoint: endpoint}); err == nil {
		t.Error("the app was opened without credentials")
	}
}
