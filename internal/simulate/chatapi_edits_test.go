package simulate

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/chat/v1"
)

func card(id, title string) *chat.CardWithId {
	return &chat.CardWithId{CardId: id, Card: &chat.GoogleAppsCardV1Card{Header: &chat.GoogleAppsCardV1CardHeader{Title: title}}}
}

// sendOne sends a message of this client id and lets the space's quota recover.
func (v *world) sendOne(t *testing.T, id string) *chat.Message {
	t.Helper()
	m, err := v.create("hello").MessageId(id).Do()
	check(t, err)
	v.clock.Advance(time.Second)
	return m
}

func (v *world) patch(name string, in *chat.Message, mask string) *chat.SpacesMessagesPatchCall {
	v.clock.Advance(time.Second)
	return v.chat.Spaces.Messages.Patch(name, in).UpdateMask(mask)
}

func TestPatchMessage(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	sent := v.sendOne(t, "client-1")
	v.pubsub.take()
	got, err := v.patch(v.space+"/messages/client-1", &chat.Message{Text: "changed", CardsV2: []*chat.CardWithId{card("", "not in the mask")}}, "text").Do()
	check(t, err)
	if got.Name != sent.Name || got.Text != "changed" || len(got.CardsV2) > 0 || got.LastUpdateTime == "" {
		t.Errorf("got %+v", got)
	}
	events := v.pubsub.take()
	if len(events) != 1 || events[0].Attributes["ce-type"] != chatType+"message.v1.updated" {
		t.Fatalf("got %d events, want one of the update", len(events))
	}
	for _, part := range []string{`"clientAssignedMessageId":"client-1"`, `"type":"BOT"`, `"text":"changed"`} {
		if !strings.Contains(string(events[0].Data), part) {
			t.Errorf("got %s, want %s in it", events[0].Data, part)
		}
	}
	_, err = v.patch(sent.Name, &chat.Message{CardsV2: []*chat.CardWithId{card("", "a card")}}, "cards_v2").Do()
	check(t, err)
	got, err = v.chat.Spaces.Messages.Get(sent.Name).Do()
	check(t, err)
	if got.Text != "changed" || len(got.CardsV2) != 1 {
		t.Errorf("got %+v, want the text as it was and a card", got)
	}
	if l := v.Truth().AppMessages[0]; l.Updated != 2 || l.Text != "changed" || !l.Cards || l.Deleted {
		t.Errorf("truth: got %+v", l)
	}
	missing, err := v.patch(v.space+"/messages/client-2", &chat.Message{Text: "new"}, "text").AllowMissing(true).Do()
	check(t, err)
	if missing.Text != "new" || missing.ClientAssignedMessageId != "client-2" {
		t.Errorf("upsert: got %+v", missing)
	}
}

func TestPatchAndDeleteRefuse(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	sent := v.sendOne(t, "client-1")
	gone := v.sendOne(t, "client-2")
	_, err := v.chat.Spaces.Messages.Delete(gone.Name).Do()
	check(t, err)
	theirs := must(v.Post(v.space, v.people[0], "theirs"))
	text := &chat.Message{Text: "changed"}
	for name, tt := range map[string]struct {
		err  func() error
		code int
	}{
		"no mask":      {func() error { return skip(v.patch(sent.Name, text, "").Do()) }, 400},
		"unknown path": {func() error { return skip(v.patch(sent.Name, text, "txt").Do()) }, 400},
		"to nothing":   {func() error { return skip(v.patch(sent.Name, &chat.Message{}, "*").Do()) }, 400},
		"too long": {func() error {
			return skip(v.patch(sent.Name, &chat.Message{Text: strings.Repeat("x", 32_001)}, "text").Do())
		}, 400},
		"somebody else's":  {func() error { return skip(v.patch(theirs, text, "text").Do()) }, 403},
		"deleted":          {func() error { return skip(v.patch(gone.Name, text, "text").Do()) }, 404},
		"deleted, upsert":  {func() error { return skip(v.patch(v.space+"/messages/client-2", text, "text").AllowMissing(true).Do()) }, 404},
		"absent":           {func() error { return skip(v.patch(v.space+"/messages/client-9", text, "text").Do()) }, 404},
		"absent, not ours": {func() error { return skip(v.patch(v.space+"/messages/x", text, "text").AllowMissing(true).Do()) }, 400},
		"delete somebody else's": {func() error {
			v.clock.Advance(time.Second)
			return skip(v.chat.Spaces.Messages.Delete(theirs).Do())
		}, 403},
		"delete twice": {func() error {
			v.clock.Advance(time.Second)
			return skip(v.chat.Spaces.Messages.Delete(gone.Name).Do())
		}, 404},
	} {
		err := tt.err()
		t.Run(name, func(t *testing.T) { wantError(t, err, tt.code, "") })
	}
	if l := v.Truth().AppMessages; len(l) != 2 || l[0].Updated != 0 || l[0].Deleted {
		t.Errorf("got %+v, want that nothing happened", l)
	}
}

func TestDeleteMessage(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	sent := v.sendOne(t, "client-1")
	v.pubsub.take()
	_, err := v.chat.Spaces.Messages.Delete(v.space + "/messages/client-1").Do()
	check(t, err)
	tombstone, err := v.chat.Spaces.Messages.Get(sent.Name).Do()
	check(t, err)
	if tombstone.DeleteTime == "" || tombstone.Text != "" || tombstone.DeletionMetadata.DeletionType != "CREATOR" {
		t.Errorf("got %+v, want a tombstone", tombstone)
	}
	if events := v.pubsub.take(); len(events) != 1 || events[0].Attributes["ce-type"] != chatType+"message.v1.deleted" {
		t.Errorf("got %d events, want one of the deletion", len(events))
	}
	if l := v.Truth().AppMessages[0]; !l.Deleted || l.Text != "hello" {
		t.Errorf("truth: got %+v", l)
	}
	v.clock.Advance(time.Second)
	_, err = v.create("again").MessageId("client-1").Do()
	wantError(t, err, http.StatusConflict, "ALREADY_EXISTS")
}

// All kinds of writes to messages share a space's quota, with other apps.
func TestWritesShareAQuota(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	sent := v.sendOne(t, "client-1")
	_, err := v.patch(sent.Name, &chat.Message{Text: "one"}, "text").Do()
	check(t, err)
	_, err = v.chat.Spaces.Messages.Delete(sent.Name).Do()
	wantError(t, err, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED")
	if c := v.Counts(); c.ChatCalls != 3 || c.Throttled != 1 {
		t.Errorf("got %d calls and %d refusals, want 3 and 1", c.ChatCalls, c.Throttled)
	}
}

func TestOtherAppTakesItsShare(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.SetWriteQuota(60, time.Minute)
	check(t, v.AddOtherApp(v.space, 40))
	sent, refused := 0, 0
	for range 6 * 60 { // ours: one each second, for six minutes
		if _, err := v.create("hello").Do(); err != nil {
			wantError(t, err, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED")
			refused++
		} else {
			sent++
		}
		v.clock.Advance(time.Second)
	}
	accepted, lost := v.OtherAppWrites(v.space)
	if total := accepted + lost; total < 239 || total > 241 {
		t.Errorf("got %d writes of the other app, want 40 a minute", total)
	}
	if total := sent + accepted; total > 6*60+1 || total < 6*60-2 {
		t.Errorf("got %d+%d writes, want 60 a minute", sent, accepted)
	}
	if refused < 100 {
		t.Errorf("got %d refusals, want that the other app takes our place", refused)
	}
	check(t, v.AddOtherApp(v.space, 0))
	v.clock.Advance(time.Minute)
	_, _ = v.create("hello").Do()
	if now, _ := v.OtherAppWrites(v.space); now != accepted {
		t.Errorf("got %d writes of the other app after it was stopped, want %d", now, accepted)
	}
	if err := v.AddOtherApp("spaces/none", 1); err == nil {
		t.Error("there is another app in a space that doesn't exist")
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	send := func(text string, cards ...*chat.CardWithId) (*chat.Message, error) {
		v.clock.Advance(time.Second)
		return v.chat.Spaces.Messages.Create(v.space, &chat.Message{Text: text, CardsV2: cards}).Do()
	}
	got, err := send("", card("a", "one"), card("b", "two"))
	check(t, err)
	got, err = v.chat.Spaces.Messages.Get(got.Name).Do()
	check(t, err)
	if diff := cmp.Diff([]string{"a", "b"}, []string{got.CardsV2[0].CardId, got.CardsV2[1].CardId}); diff != "" {
		t.Errorf("cards (-want +got):\n%s", diff)
	}
	if !v.Truth().AppMessages[0].Cards {
		t.Error("the truth doesn't tell of cards")
	}
	for name, cards := range map[string][]*chat.CardWithId{
		"too large":     {card("", strings.Repeat("x", 32_000))},
		"large in all":  {card("a", strings.Repeat("x", 16_000)), card("b", strings.Repeat("x", 16_000))},
		"without ids":   {card("", "one"), card("", "two")},
		"the same id":   {card("a", "one"), card("a", "two")},
		"an empty card": {{CardId: "a"}},
	} {
		_, err := send("", cards...)
		t.Run(name, func(t *testing.T) { wantError(t, err, 400, "INVALID_ARGUMENT") })
	}
	_, err = send(strings.Repeat("x", 31_980), card("", "together too much"))
	wantError(t, err, 400, "INVALID_ARGUMENT")
}
