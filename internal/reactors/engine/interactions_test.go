package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// What people ask of the app makes runs, in the words of the people and once,
// though Google may publish it again under another id; and the past tells the same.
func TestInteractions(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - id: mentioned
    mode: live
    on: [app.mentioned, app.messaged]
    do: [{say: {text: "{{ message.text }} in {{ message.thread }}"}}]
  - id: command
    mode: live
    on: command
    if: command.id == 7
    do: [{say: {text: "{{ member.name }} wants 7"}}]
  - id: clicked
    mode: live
    on: card.clicked
    if: card.function == "approve"
    do: [{say: {text: "{{ member.name }} approves {{ card.parameters['id'] }} of {{ message.author }}"}}]
`)
	const message = `"message":{"name":"spaces/%s/messages/T.M","text":"hi","sender":{"name":"users/9","type":"BOT"},"thread":{"name":"spaces/%[1]s/threads/T"}}`
	tell := func(kind, space, spaceType, rest string) {
		s.n++
		data := fmt.Sprintf(`{"type":%q,"eventTime":%q,"space":{"name":"spaces/%s","spaceType":%q},"user":{"name":"users/1","type":"HUMAN"},%s}`,
			kind, s.clock().Format("2006-01-02T15:04:05Z"), space, spaceType, rest)
		d := events.Delivery{MessageID: fmt.Sprint(s.n), PublishTime: s.clock(), ReceivedAt: s.clock(), Origin: events.OriginLive, Data: []byte(data)}
		if d.Event, d.Malformed = events.Decode(nil, d.Data); d.Malformed != nil {
			t.Fatal(d.Malformed)
		}
		if _, err := s.store.Record(t.Context(), []events.Delivery{d}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		tell("MESSAGE", "S", "SPACE", fmt.Sprintf(message, "S"))
		tell("MESSAGE", "D", "DIRECT_MESSAGE", fmt.Sprintf(message, "D"))
		tell("APP_COMMAND", "S", "SPACE", `"appCommandMetadata":{"appCommandId":7}`)
		tell("APP_COMMAND", "S", "SPACE", `"appCommandMetadata":{"appCommandId":8}`)
		tell("CARD_CLICKED", "S", "SPACE", fmt.Sprintf(message, "S")+`,"common":{"invokedFunction":"approve","parameters":{"id":"12"}}`)
		s.attemptAll()
	}
	want := []string{
		"hi in spaces/S/threads/T", "hi in spaces/D/threads/T", "users/1 wants 7", "users/1 approves 12 of users/9",
	}
	if got := s.action.texts(); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	var told []reactors.Trigger
	if err := s.store.History(t.Context(), start.AddDate(0, 0, -1), start.AddDate(0, 0, 1), reactors.Filter{Kinds: []events.Kind{events.KindInteraction}},
		func(c reactors.Change) error {
			told = append(told, reactors.TriggerOf(c))
			return nil
		}); err != nil || len(told) != 10 {
		t.Errorf("the past tells %v, %v", told, err)
	}
}
