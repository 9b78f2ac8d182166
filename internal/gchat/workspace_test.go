package gchat_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
)

// startWorkspace gives a Workspace of one space, whose clock goes on by a
// second with each look at it if it runs, and a client.
func startWorkspace(t *testing.T, runs bool) (*simulate.Workspace, *gchat.Client, string) {
	t.Helper()
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var looks atomic.Int64
	ws, err := simulate.Start(t.Context(), simulate.Options{
		Seed: 1, Spaces: 1, Publisher: simulatetest.Deaf{},
		Now: func() time.Time {
			if runs {
				return begin.Add(time.Duration(looks.Add(1)) * time.Second)
			}
			return begin
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.Proxy(t, ws.ChatEndpoint())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return ws, client, ws.Spaces()[0].Name
}

func requestTo(ws *simulate.Workspace, space string, n int) gchat.CreateMessage {
	request := welcome
	request.Space, request.PrivateViewer = space, ""
	for _, member := range ws.Members(space) {
		if member != ws.App() {
			request.PrivateViewer = member
		}
	}
	request.MessageID = fmt.Sprintf("client-w-%d", n)
	request.RequestID = fmt.Sprintf("6f1f9a52-0f0f-5d52-8a3a-%012d", n)
	return request
}

// TestExactlyOneMessage sends through an API that loses every second answer
// and breaks down in between, and begins anew as a restarted worker would.
func TestExactlyOneMessage(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	ws.SetChatFaults(func(c simulate.ChatCall) simulate.ChatFault {
		switch {
		case c.N%7 == 0:
			return simulate.ChatFault{Status: 503}
		case c.N%11 == 0:
			return simulate.ChatFault{Status: 429, RetryAfter: time.Second}
		}
		return simulate.ChatFault{DropReply: c.N%2 == 0}
	})
	const messages = 50
	for i := range messages {
		request := requestTo(ws, space, i)
		successes := 0
		for attempt := 0; successes < 2; attempt++ { // once more after success: the worker died before it noted that
			if attempt == 50 {
				t.Fatalf("message %d has not gone through in %d attempts", i, attempt)
			}
			got, err := client.CreateMessage(t.Context(), request)
			if reactors.IsPermanent(err) {
				t.Fatal(err)
			}
			if err != nil {
				continue
			}
			successes++
			if !strings.HasPrefix(got.Name, space+"/messages/") {
				t.Errorf("got name %q", got.Name)
			}
		}
	}
	sent := map[string]int{}
	for _, m := range ws.Truth().AppMessages {
		sent[m.ClientID]++
		if m.Viewer == "" || m.RequestID == "" {
			t.Errorf("got %+v, want a private message with a request id", m)
		}
	}
	if len(sent) != messages {
		t.Errorf("got %d messages, want %d", len(sent), messages)
	}
	for id, n := range sent {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
}

func TestRefusalsOfTheWorkspace(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	for name, c := range map[string]struct {
		change func(*gchat.CreateMessage)
		says   string
	}{
		"no such space":     {func(m *gchat.CreateMessage) { m.Space = "spaces/Absent" }, "spaces/Absent"},
		"viewer isn't here": {func(m *gchat.CreateMessage) { m.PrivateViewer = ws.AddUser(false) }, "not a member"},
	} {
		request := requestTo(ws, space, 1)
		c.change(&request)
		if _, err := client.CreateMessage(t.Context(), request); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got error %v, want a permanent one with %q", name, err, c.says)
		}
	}
	if n := len(ws.Truth().AppMessages); n != 0 {
		t.Errorf("got %d messages, want none", n)
	}
}

func TestOneWriteASecond(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, false)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = client.CreateMessage(t.Context(), requestTo(ws, space, i))
	}
	if err == nil || reactors.IsPermanent(err) || !strings.Contains(err.Error(), "429") {
		t.Errorf("got error %v, want that there were too many writes", err)
	}
}

func TestLookUpByClientID(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	request := requestTo(ws, space, 1)
	if _, found, err := client.MessageByClientID(t.Context(), space, request.MessageID); found || err != nil {
		t.Errorf("before: got %v, %v", found, err)
	}
	created, err := client.CreateMessage(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	got, found, err := client.MessageByClientID(t.Context(), space, request.MessageID)
	if err != nil || !found || got.Name != created.Name || got.Sender != ws.App() {
		t.Errorf("after: got %+v, %v, %v; want %+v", got, found, err, created)
	}
}
