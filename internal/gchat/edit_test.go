package gchat_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// only makes faults of one method's calls, as often as there are faults.
func only(method string, faults ...simulate.ChatFault) func(simulate.ChatCall) simulate.ChatFault {
	return func(c simulate.ChatCall) (f simulate.ChatFault) {
		if c.Method == method && len(faults) > 0 {
			f, faults = faults[0], faults[1:]
		}
		return f
	}
}

func sendOne(t *testing.T, ws *simulate.Workspace, client *gchat.Client, space string) (gchat.CreateMessage, gchat.Message) {
	t.Helper()
	request := requestTo(ws, space, 1)
	return request, must[gchat.Message](t)(client.CreateMessage(t.Context(), request))
}

func TestSendsCardsAndReplies(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	first := must[string](t)(ws.Post(space, person(ws, space), "hello"))
	read := func() (m struct{ Thread struct{ Name string } }) {
		got := must[gchat.Resource](t)(client.Message(t.Context(), first))
		if err := json.Unmarshal(got.Data, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	request := requestTo(ws, space, 1)
	request.PrivateViewer, request.Text, request.Cards, request.Thread = "", "", json.RawMessage(oneCard), read().Thread.Name
	sent := must[gchat.Message](t)(client.CreateMessage(t.Context(), request))
	if sent.Thread != request.Thread {
		t.Errorf("got thread %s, want %s", sent.Thread, request.Thread)
	}
	got := must[gchat.Resource](t)(client.Message(t.Context(), sent.Name))
	if !strings.Contains(string(got.Data), `"divider":{}`) {
		t.Errorf("got %s, want all of the card", got.Data)
	}
	if l := ws.Truth().AppMessages; len(l) != 1 || !l[0].Cards || l[0].Thread != request.Thread {
		t.Errorf("truth: got %+v", l)
	}
}

func TestSendRefusesWhatGoogleWould(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	for name, change := range map[string]func(*gchat.CreateMessage){
		"two threads":             func(m *gchat.CreateMessage) { m.Thread, m.ThreadKey = space+"/threads/T", "k" },
		"another space's thread":  func(m *gchat.CreateMessage) { m.Thread = "spaces/Other/threads/T" },
		"a key beyond the limit":  func(m *gchat.CreateMessage) { m.ThreadKey = strings.Repeat("ä", 4001) },
		"nothing to say":          func(m *gchat.CreateMessage) { m.Text = "" },
		"a card with a typo":      func(m *gchat.CreateMessage) { m.Cards = json.RawMessage(`[{"kard":{}}]`) },
		"an id Google won't take": func(m *gchat.CreateMessage) { m.MessageID = "welcome" },
	} {
		request := requestTo(ws, space, 1)
		change(&request)
		if _, err := client.CreateMessage(t.Context(), request); !reactors.IsPermanent(err) {
			t.Errorf("%s: got %v, want a permanent error", name, err)
		}
	}
	if n := ws.Counts().ChatCalls; n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

func TestUpdateMessage(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	request, sent := sendOne(t, ws, client, space)
	name := space + "/messages/" + request.MessageID
	ws.SetChatFaults(only("spaces.messages.patch", simulate.ChatFault{DropReply: true}))
	if _, err := client.UpdateMessage(t.Context(), gchat.UpdateMessage{Name: name, Text: "changed"}); err == nil || reactors.IsPermanent(err) {
		t.Errorf("without an answer: got %v, want an error that a retry mends", err)
	}
	got := must[gchat.Message](t)(client.UpdateMessage(t.Context(), gchat.UpdateMessage{Name: name, Text: "changed", Cards: json.RawMessage(oneCard)}))
	if got.Name != sent.Name {
		t.Errorf("got %+v, want %s", got, sent.Name)
	}
	must[gchat.Message](t)(client.UpdateMessage(t.Context(), gchat.UpdateMessage{Name: name, Text: "changed again"}))
	if l := ws.Truth().AppMessages[0]; l.Text != "changed again" || !l.Cards || l.Updated != 3 {
		t.Errorf("truth: got %+v, want the new text and the card", l)
	}
}

func TestUpdateOfWhatIsGone(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	request, sent := sendOne(t, ws, client, space)
	update := func(name string) error {
		_, err := client.UpdateMessage(t.Context(), gchat.UpdateMessage{Name: name, Text: "the new text"})
		return err
	}
	theirs := must[string](t)(ws.Post(space, person(ws, space), "hello"))
	if err := update(theirs); !reactors.IsPermanent(err) || errors.Is(err, gchat.ErrGone) {
		t.Errorf("somebody else's message: got %v", err)
	}
	if err := client.DeleteMessage(t.Context(), sent.Name); err != nil {
		t.Fatal(err)
	}
	// Google may as well answer 403 or 400 for a tombstone.
	for _, status := range []int{0, http.StatusForbidden, http.StatusBadRequest} {
		ws.SetChatFaults(only("spaces.messages.patch", simulate.ChatFault{Status: status}))
		err := update(space + "/messages/" + request.MessageID)
		if !errors.Is(err, gchat.ErrGone) || !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "isn't there any more") {
			t.Errorf("deleted, status %d: got %v, want that it is gone", status, err)
		}
	}
	if err := update(space + "/messages/client-never"); !errors.Is(err, gchat.ErrGone) {
		t.Errorf("never sent: got %v, want that it is gone", err)
	}
	ws.SetCondition(simulate.AppNotConfigured, true)
	if err := update(sent.Name); strings.Contains(err.Error(), "client-") {
		t.Errorf("got %v", err)
	}
}

func TestDeleteMessage(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	request, _ := sendOne(t, ws, client, space)
	name := space + "/messages/" + request.MessageID
	remove := func(name string) error { return client.DeleteMessage(t.Context(), name) }

	ws.SetCondition(simulate.AppNotConfigured, true)
	if err := remove(name); !reactors.IsPermanent(err) {
		t.Errorf("without an app: got %v, want that this isn't taken for a success", err)
	}
	ws.SetCondition(simulate.AppNotConfigured, false)
	ws.SetChatFaults(only("spaces.messages.delete", simulate.ChatFault{Status: 503}, simulate.ChatFault{DropReply: true}))
	if err := remove(name); err == nil || reactors.IsPermanent(err) {
		t.Errorf("503: got %v, want an error that a retry mends", err)
	}
	if err := remove(name); err != nil || !ws.Truth().AppMessages[0].Deleted {
		t.Errorf("without an answer: got %v, want that a look settles it", err)
	}
	// Google may answer in another way for a tombstone.
	for _, status := range []int{0, 400, 403, 500} {
		ws.SetChatFaults(only("spaces.messages.delete", simulate.ChatFault{Status: status}))
		if err := remove(name); err != nil {
			t.Errorf("again, status %d: %v", status, err)
		}
	}
	if err := remove(space + "/messages/client-never"); err != nil {
		t.Errorf("one that was never sent: %v", err)
	}
	if err := remove(must[string](t)(ws.Post(space, person(ws, space), "hello"))); !reactors.IsPermanent(err) {
		t.Errorf("somebody else's: got %v, want a permanent error", err)
	}
}

// An edit passes on when to come again, and holds no text in its errors.
func TestEditErrors(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	request, _ := sendOne(t, ws, client, space)
	name := space + "/messages/" + request.MessageID
	busy := simulate.ChatFault{Status: 429, RetryAfter: 7 * time.Second}
	ws.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault { return busy })
	_, patchErr := client.UpdateMessage(t.Context(), gchat.UpdateMessage{Name: name, Text: "the secret text"})
	deleteErr := client.DeleteMessage(t.Context(), name)
	for _, err := range []error{patchErr, deleteErr} {
		if delay, _ := reactors.RetryDelay(err); delay != 7*time.Second || !reactors.IsThrottled(err) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want a retry after 7 s", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.DeleteMessage(ctx, name); !errors.Is(err, context.Canceled) || reactors.IsPermanent(err) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	for _, name := range []string{"", "messages/M", "spaces/S/messages/", "spaces/S"} {
		_, patchErr := client.UpdateMessage(t.Context(), gchat.UpdateMessage{Name: name, Text: "x"})
		deleteErr := client.DeleteMessage(t.Context(), name)
		if !reactors.IsPermanent(patchErr) || !reactors.IsPermanent(deleteErr) {
			t.Errorf("%q: got %v and %v, want permanent errors", name, patchErr, deleteErr)
		}
	}
}

// What Google quotes of a card stays out of errors.
func TestErrorsQuoteNoCard(t *testing.T) {
	t.Parallel()
	refuse := fail(400, "INVALID_ARGUMENT", `Invalid value at 'message.cards_v2[0]': "Read the rules" in "Welcome"`)
	s := script(t, 0, refuse, cut)
	request := welcome
	request.Cards = json.RawMessage(oneCard)
	_, err := s.CreateMessage(t.Context(), request)
	if err == nil || strings.Contains(err.Error(), "rules") || strings.Contains(err.Error(), "Welcome") {
		t.Errorf("got %v, want no quotation", err)
	}
}
