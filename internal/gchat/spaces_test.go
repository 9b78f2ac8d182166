package gchat_test

import (
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
)

func TestSpacesReadsEveryPage(t *testing.T) {
	t.Parallel()
	ws, err := simulate.Start(t.Context(), simulate.Options{Spaces: 2001, Users: -1, Publisher: simulatetest.Deaf{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	client, err := gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.Proxy(t, ws.ChatEndpoint())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var got []gchat.SpaceInfo
	pages := 0
	for page, more := "", true; more; pages++ {
		list, err := client.Spaces(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, list.Spaces...)
		page, more = list.Next, list.Next != ""
	}
	want := ws.Spaces()
	if pages != 3 || len(got) != len(want) {
		t.Fatalf("got %d spaces on %d pages, want %d on 3", len(got), pages, len(want))
	}
	for i, s := range got {
		if s.Name != want[i].Name || s.DisplayName != want[i].DisplayName || s.Type != "SPACE" || !strings.HasSuffix(s.Threading, "THREADED_MESSAGES") {
			t.Errorf("got %+v, want %+v", s, want[i])
		}
	}
	ws.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault { return simulate.ChatFault{Status: 503} })
	if _, err := client.Spaces(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "list the spaces: Google Chat has a problem") {
		t.Errorf("got %v", err)
	}
}

// Errors without an answer don't quote the whole address with its parameters.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	client, err := gchat.New(t.Context(), gchat.Options{Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	_, err = client.SpaceEvents(t.Context(), gchat.EventsQuery{Space: "spaces/A", Types: []string{"google.workspace.chat.message.v1.created"}})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1 gave no answer to GET v1/spaces/A/spaceEvents: ") ||
		strings.ContainsAny(err.Error(), "?%") {
		t.Errorf("got %v", err)
	}
}
