package subscriptions_test

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func TestListReadsEveryPage(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 103, Quotas: simulate.Quotas{UserWrites: -1}})
	if _, err := s.Apply(t.Context(), s.desired()); err != nil {
		t.Fatal(err)
	}
	listed, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) != 103 {
		t.Errorf("got %d subscriptions, want 103", len(listed))
	}
}

// A subscription to nothing but what a user has is found where it is asked
// for.
func TestListOfAUser(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Auth: simulate.AuthUser})
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Topic = s.workspace.Project(), "chat-events"
	cfg.Workspace.Targets = []config.Target{
		{Target: "spaces/-"},
		{Target: s.workspace.Authority(), EventTypes: []string{"google.workspace.chat.spaceReadState.v1.updated"}},
	}
	m, err := subscriptions.New(t.Context(), subscriptions.Options{Endpoint: s.endpoint, EventTypes: subscriptions.EventTypesOf(cfg)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	for _, want := range []string{"created created", "unchanged unchanged"} {
		results, err := m.Apply(t.Context(), subscriptions.DesiredFrom(cfg))
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(results); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
