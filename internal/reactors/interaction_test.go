package reactors_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// An interaction pulls the trigger for what somebody wants of the app.
func TestInteractions(t *testing.T) {
	t.Parallel()
	for want, in := range map[reactors.Trigger]events.Interaction{
		reactors.SpaceAdded:   {Type: "ADDED_TO_SPACE"},
		reactors.AppMentioned: {Type: "MESSAGE", Space: events.Space{SpaceType: "SPACE"}},
		reactors.AppMessaged:  {Type: "MESSAGE", Space: events.Space{SpaceType: "DIRECT_MESSAGE"}},
		reactors.Command:      {Type: "APP_COMMAND", Command: 3},
		reactors.CardClicked:  {Type: "CARD_CLICKED"},
		"":                    {Type: "REMOVED_FROM_SPACE"},
	} {
		if got := reactors.TriggerOf(reactors.Change{Item: &events.Item{Kind: events.KindInteraction, Interaction: &in}}); got != want {
			t.Errorf("%s pulls %q, want %q", in.Type, got, want)
		}
	}
	slash := events.Interaction{Type: "MESSAGE", Command: 3, Space: events.Space{SpaceType: "DIRECT_MESSAGE"}}
	if got := reactors.TriggerOf(reactors.Change{Item: &events.Item{Kind: events.KindInteraction, Interaction: &slash}}); got != reactors.Command {
		t.Errorf("a slash command pulls %q", got)
	}
}

// What a click tells: whoever clicked, what it asks for, and the app's message.
func TestFactsOfAClick(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
	c := reactors.Change{
		Event: &events.Event{Type: "interaction.CARD_CLICKED", Time: at},
		Item: &events.Item{
			Kind: events.KindInteraction, Resource: "spaces/S/messages/T.M", Space: "spaces/S", Actor: "users/1",
			Interaction: &events.Interaction{
				Type: "CARD_CLICKED", User: events.User{Name: "users/1", Type: events.UserHuman}, Thread: "spaces/S/threads/T",
				Message:  &events.Message{Text: "Approve?", Sender: events.User{Name: "users/9", Type: events.UserBot}, Thread: "spaces/S/threads/T", ClientAssignedMessageID: "client-1"},
				Function: "approve", Parameters: map[string]string{"id": "7"},
			},
		},
	}
	f := reactors.FactsOf(c, reactors.CardClicked)
	want := reactors.MessageFacts{
		Name: "spaces/S/messages/T.M", Text: "Approve?", Author: "users/9", AuthorMention: reactors.Mention{User: "users/9"},
		Thread: "spaces/S/threads/T", Permalink: reactors.Link{URL: "https://chat.google.com/room/S/T/M"},
	}
	if diff := cmp.Diff(want, f.Message); diff != "" {
		t.Errorf("the message (-want +got):\n%s", diff)
	}
	if f.Member.Name != "users/1" || f.Member.Type != "HUMAN" || f.Card.Function != "approve" || f.Card.Parameters["id"] != "7" {
		t.Errorf("got %+v, %+v", f.Member, f.Card)
	}
}

// A link is made of names of the usual form only.
func TestMessageLink(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"spaces/AAQA_x-1/messages/T-1.M_2":   "https://chat.google.com/room/AAQA_x-1/T-1/M_2",
		"spaces/S/messages/client-x":         "https://chat.google.com/room/S",
		"spaces/S/messages/T.M.N":            "https://chat.google.com/room/S",
		"spaces/S/messages/T.M|evil>":        "https://chat.google.com/room/S",
		"spaces/S|x> <http://e/messages/T.M": "",
		"":                                   "",
	} {
		if got := reactors.MessageLink(message).URL; got != want {
			t.Errorf("%q: got %q, want %q", message, got, want)
		}
	}
}

// Answered is what people mean by it.
func TestAnswered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		m    reactors.MessageFacts
		want bool
	}{
		{"nothing", reactors.MessageFacts{}, false},
		{"a reply", reactors.MessageFacts{RepliesByOthers: 1}, true},
		{"a quote", reactors.MessageFacts{Quotes: 1}, true},
		{"the emoji in another style", reactors.MessageFacts{OthersReacted: []string{"✔️"}}, true},
		{"in another colour", reactors.MessageFacts{OthersReacted: []string{"👍🏽"}}, true},
		{"another emoji", reactors.MessageFacts{OthersReacted: []string{"👀"}}, false},
		{"the author's own", reactors.MessageFacts{Reactions: map[string]int{"👍": 1}}, false},
	} {
		if got := tt.m.Answered([]string{"✔", "👍"}); got != tt.want {
			t.Errorf("%s: answered %v", tt.name, got)
		}
	}
}
