package subscriptions_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		change  func(*subscriptions.Desired)
		code    int    // of an answer that is made up; 0: the simulated Workspace answers
		message string //
		says    []string
	}{
		{name: "no topic", change: func(d *subscriptions.Desired) { d.Topic = strings.Replace(d.Topic, "chat-events", "absent", 1) },
			says: []string{"/topics/absent doesn't exist", "gcloud pubsub topics create projects/", "chat-api-push@system.gserviceaccount.com"}},
		{name: "topic of another project", change: func(d *subscriptions.Desired) { d.Topic = "projects/other-project/topics/chat-events" },
			says: []string{"must exist in the Chat app's own project"}},
		{name: "no space", change: func(d *subscriptions.Desired) { d.Scope = "spaces/Absent" },
			says: []string{"watch spaces/Absent", "check the name under workspace"}},
		{name: "not a member", code: 403, message: "The caller does not have permission.", says: []string{"add the app to the space"}},
		{name: "not approved", code: 403, message: "The administrator must grant the app the required OAuth authorization scope.",
			says: []string{"an administrator hasn't approved", "chat.app.messages.readonly, chat.app.memberships.readonly, chat.app.spaces.readonly"}},
		{name: "API off", code: 403, message: "Google Workspace Events API has not been used in project 123 before or it is disabled.",
			says: []string{"gcloud services enable workspaceevents.googleapis.com"}},
		{name: "may not publish", code: 403, message: "Not authorized to publish to the Pub/Sub topic.", says: []string{"roles/pubsub.publisher"}},
		{name: "no app", code: 404, message: "Google Chat app not found.", says: []string{"configure it on the Google Chat API's page"}},
		{name: "credentials", code: 401, message: "Invalid.", says: []string{"subscribe-setup doctor"}},
		{name: "quota", code: 429, message: "Quota.", says: []string{"quota of the project"}},
		{name: "invalid", code: 400, message: "The expiration time exceeds the maximum.", says: []string{"exceeds the maximum"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, simulate.Options{Spaces: 1})
			want := s.desired()
			if c.change != nil {
				c.change(&want[0])
			}
			if c.code != 0 {
				s.breakCalls(func(w http.ResponseWriter, r *http.Request, _ int) bool {
					if r.Method == http.MethodPost {
						answerError(w, c.code, "", c.message)
					}
					return r.Method == http.MethodPost
				})
			}
			results, err := s.Apply(t.Context(), want)
			if err == nil || outcomes(results) != "failed" {
				t.Fatalf("got %s, %v; want a failure", outcomes(results), err)
			}
			for _, part := range append(c.says, want[0].Scope, c.message) {
				if !strings.Contains(err.Error(), strings.TrimSuffix(part, ".")) {
					t.Errorf("got error\n%v\nwithout %q", err, part)
				}
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	s.breakCalls(func(http.ResponseWriter, *http.Request, int) bool { panic(http.ErrAbortHandler) })
	_, err := s.List(t.Context())
	if err == nil || !strings.Contains(err.Error(), "can't be reached") {
		t.Fatalf("got error %v, want that Google can't be reached", err)
	}
	// Of the request it says the method and the resource, and no parameters.
	if text := err.Error(); !strings.Contains(text, " gave no answer to GET v1/subscriptions: ") || strings.ContainsAny(text, "?%") {
		t.Errorf("got error %v", err)
	}
}
