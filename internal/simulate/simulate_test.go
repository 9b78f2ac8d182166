package simulate_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// TestEndToEnd goes the whole way with Google's libraries only: subscribe, let
// people live, pull, and compare with the truth.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	w, err := simulate.Start(t.Context(), simulate.Options{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		web.CloseIdleConnections()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	topic, sub, err := w.CreateTopic(t.Context(), "chat", "worker")
	if err != nil {
		t.Fatal(err)
	}
	events, err := workspaceevents.NewService(t.Context(), option.WithEndpoint(w.WorkspaceEventsEndpoint()), option.WithHTTPClient(web))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range w.Spaces() {
		if _, err := events.Subscriptions.Create(&workspaceevents.Subscription{
			TargetResource:       "//chat.googleapis.com/" + s.Name,
			EventTypes:           []string{"google.workspace.chat.message.v1.created", "google.workspace.chat.membership.v1.created"},
			NotificationEndpoint: &workspaceevents.NotificationEndpoint{PubsubTopic: topic},
			PayloadOptions:       &workspaceevents.PayloadOptions{IncludeResource: true},
		}).Do(); err != nil {
			t.Fatal(err)
		}
	}
	w.SetFaults(simulate.Faults{Duplicate: 0.1, Reorder: 0.1, Garbage: 0.05})
	if err := w.Run(t.Context(), simulate.Activity{Steps: 1000}); err != nil {
		t.Fatal(err)
	}

	client, err := pubsub.NewClient(t.Context(), w.Project(), w.Broker().ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if err := w.Broker().WaitIdle(ctx, sub); err != nil {
			t.Error(err)
		}
		cancel()
	}()
	var mu sync.Mutex
	got, garbage := map[string]int{}, map[string]bool{}
	if err := client.Subscriber(sub).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		defer m.Ack()
		mu.Lock()
		defer mu.Unlock()
		if id := m.Attributes["ce-id"]; id == "" || strings.HasPrefix(id, "spaces/GARBAGE") {
			garbage[m.ID] = true
			return
		}
		got[m.Attributes["ce-id"]]++
	}); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}

	truth := w.Truth()
	want, wantGarbage := map[string]int{}, map[string]bool{}
	for _, e := range truth.Events {
		want[e.ID] += e.Copies
	}
	for _, g := range truth.Garbage {
		wantGarbage[g.MessageID] = true
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 500 {
		t.Errorf("%d events (-published +received):\n%s", len(want), diff)
	}
	if diff := cmp.Diff(wantGarbage, garbage); diff != "" || len(garbage) == 0 {
		t.Errorf("garbage (-published +received):\n%s", diff)
	}
}

func TestStartRefusesTakenAddress(t *testing.T) {
	t.Parallel()
	w, err := simulate.Start(t.Context(), simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	taken := strings.Trim(strings.TrimPrefix(w.WorkspaceEventsEndpoint(), "http://"), "/")
	for what, addrs := range map[string]simulate.Addrs{
		"the Chat API":             {Chat: taken},
		"the Workspace Events API": {WorkspaceEvents: taken},
		"Pub/Sub":                  {PubSub: taken},
	} {
		if _, err := simulate.Start(t.Context(), simulate.Options{Addrs: addrs}); err == nil ||
			!strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), taken) {
			t.Errorf("%s on a taken address: got %v", what, err)
		}
	}
}
