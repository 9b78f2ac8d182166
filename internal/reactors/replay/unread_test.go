package replay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
)

// reacted is a past in which somebody reacts to a message; of the message is recorded
// what it holds, or nothing.
type reacted reactors.MessageFacts

func (reacted) History(_ context.Context, _, _ time.Time, _ reactors.Filter, each func(reactors.Change) error) error {
	e := &events.Event{ID: "spaces/A/spaceEvents/1", Type: "google.workspace.chat.reaction.v1.created", Time: monday}
	e.Items = []events.Item{{
		Kind: events.KindReaction, Verb: events.VerbCreated, Space: "spaces/A", Actor: "users/1",
		Reaction: &events.Reaction{Message: "spaces/A/messages/T.M", Unicode: "👀", User: events.User{Name: "users/1", Type: events.UserHuman}},
	}}
	return each(reactors.Change{Event: e, Item: &e.Items[0], Origin: events.OriginLive})
}

func (r reacted) FactsAsOf(_ context.Context, run reactors.Run, _ reactors.Needs, _ time.Time) (reactors.Facts, error) {
	f := run.Facts
	f.Message.Text, f.Message.Thread, f.Message.Author = r.Text, r.Thread, r.Author
	f.Derive()
	return f, nil
}

func (reacted) Reach(context.Context) (reactors.Reach, error) { return reactors.Reach{}, nil }

// What a worker would read from Chat a replay can't know: what depends on that is
// unclear, and nothing else is.
func TestUnreadMessagesAreUnclear(t *testing.T) {
	t.Parallel()
	recorded := reacted{Text: "An alarm", Thread: "spaces/A/threads/T", Author: "users/2"}
	for _, c := range []struct {
		rule           string
		known, unknown reactors.Outcome
	}{
		{`do: [{send: {to: thread, text: Hello}}]`, reactors.Sent, reactors.Unclear},
		{`if: message.text.contains("alarm"), do: [{send: {to: spaces/B, text: Hello}}]`, reactors.Sent, reactors.Unclear},
		{`if: message.text.contains("help"), do: [{send: {to: spaces/B, text: Hello}}]`, reactors.ConditionFalse, reactors.Unclear},
		{`still: message.author != "users/1", do: [{send: {to: spaces/B, text: Hello}}]`, reactors.Sent, reactors.Unclear},
		{`do: [{send: {to: spaces/B, text: "Look: {{ message.text }}"}}]`, reactors.Sent, reactors.Unclear},
		{`do: [{send: {to: spaces/B, text: "Look: {{ message.permalink }}"}}]`, reactors.Sent, reactors.Sent},
		{`if: reaction.emoji == "🚨", do: [{send: {to: thread, text: Hello}}]`, reactors.ConditionFalse, reactors.ConditionFalse},
		{`if: space.members > 5, do: [{send: {to: thread, text: Hello}}]`, reactors.ConditionFalse, reactors.ConditionFalse},
		{`do: [{send: {to: spaces/B, text: "{{ 1 / (reaction.emoji == '👀' ? 0 : 1) }}"}}]`, reactors.Failed, reactors.Failed},
	} {
		set, err := rules.Parse("reactors.yaml", []byte("reactors:\n  - {id: a, on: reaction.added, "+c.rule+"}\n"), rules.Options{Actions: []reactors.Action{send.New(nil)}})
		if err != nil {
			t.Fatal(err)
		}
		for past, want := range map[*reacted]reactors.Outcome{&recorded: c.known, {}: c.unknown} {
			r, err := replay.History(t.Context(), set, past, replay.Options{Since: monday.Add(-1), Until: monday.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			e := r.Entries[0]
			if e.Outcome != want || want == reactors.Unclear && !strings.Contains(e.Reason, "reads that from Chat") {
				t.Errorf("%s, of %q: got %s: %s, want %s", c.rule, past.Text, e.Outcome, e.Reason, want)
			}
		}
	}
}
