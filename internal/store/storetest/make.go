package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Epoch is the time that the tests' events happen around; their stores' clock
// stands at it.
var Epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Clock stands still.
func Clock() time.Time { return Epoch }

// At is so many seconds after Epoch.
func At(seconds int) time.Time { return Epoch.Add(time.Duration(seconds) * time.Second) }

// Live wraps one item as a delivered event.
func Live(id string, t time.Time, it events.Item) events.Delivery {
	typ := events.ChatPrefix + string(it.Kind) + ".v1." + string(it.Verb)
	return events.Delivery{
		MessageID: "m-" + id, PublishTime: t.Add(100 * time.Millisecond), ReceivedAt: t.Add(150 * time.Millisecond),
		Attributes: map[string]string{"ce-id": "spaces/S/spaceEvents/" + id, "ce-type": typ},
		Data:       []byte(`{"` + string(it.Kind) + `":{"name":"` + it.Resource + `"}}`),
		Origin:     events.OriginLive,
		Event: &events.Event{
			ID: "spaces/S/spaceEvents/" + id, Source: "//workspaceevents.googleapis.com/subscriptions/s1",
			Type: typ, Subject: "//chat.googleapis.com/" + it.Space, Time: t, Items: []events.Item{it},
		},
	}
}

// Message is an item about a message.
func Message(verb events.Verb, name, sender, text string, created, edited time.Time) events.Item {
	m := &events.Message{
		Name: name, Sender: events.User{Name: sender, Type: events.UserHuman}, CreateTime: created,
		LastUpdateTime: edited, Text: text, Thread: strings.Replace(name, "messages", "threads", 1),
	}
	it := events.Item{Kind: events.KindMessage, Verb: verb, Resource: name, Space: spaceOf(name), Actor: sender, Message: m}
	if verb == events.VerbDeleted {
		it.Actor, it.Message = "", &events.Message{Name: name, CreateTime: created, DeletionType: "CREATOR"}
	}
	return it
}

// Membership is an item about a membership.
func Membership(verb events.Verb, space, user string, state events.MembershipState) events.Item {
	name := space + "/members/" + strings.TrimPrefix(user, "users/")
	m := &events.Membership{Name: name, State: state, Role: "ROLE_MEMBER", Member: events.User{Name: user, Type: events.UserHuman}}
	if verb == events.VerbDeleted {
		m.State, m.Role, m.Member.Type = events.MembershipNotAMember, "", ""
	}
	return events.Item{Kind: events.KindMembership, Verb: verb, Resource: name, Space: space, Actor: user, Membership: m}
}

// Reaction is an item about a reaction.
func Reaction(verb events.Verb, message, user, emoji string) events.Item {
	name := message + "/reactions/" + strings.TrimPrefix(user, "users/") + "." + fmt.Sprintf("%x", emoji)
	return events.Item{
		Kind: events.KindReaction, Verb: verb, Resource: name, Space: spaceOf(name), Actor: user,
		Reaction: &events.Reaction{Name: name, Message: message, User: events.User{Name: user, Type: events.UserHuman}, Unicode: emoji},
	}
}

func spaceOf(name string) string {
	parts := strings.SplitN(name, "/", 3)
	return parts[0] + "/" + parts[1]
}

// Ann and Space are who joins and leaves, and where.
const Ann, Space = "users/ann", "spaces/S"

// Join is how Ann joins.
func Join(id string, seconds int) events.Delivery {
	return Live(id, At(seconds), Membership(events.VerbCreated, Space, Ann, events.MembershipJoined))
}

// Leave is how Ann leaves.
func Leave(id string, seconds int) events.Delivery {
	return Live(id, At(seconds), Membership(events.VerbDeleted, Space, Ann, ""))
}

// Update tells that Ann is in the space.
func Update(id string, seconds int) events.Delivery {
	return Live(id, At(seconds), Membership(events.VerbUpdated, Space, Ann, events.MembershipJoined))
}

// Invite is how Ann is invited.
func Invite(id string, seconds int) events.Delivery {
	return Live(id, At(seconds), Membership(events.VerbCreated, Space, Ann, events.MembershipInvited))
}

// Backfilled is a delivery as if it had been fetched.
func Backfilled(d events.Delivery) events.Delivery {
	d.Origin = events.OriginBackfill
	return d
}

// Interaction has no number in its id, and tells what people call things.
func Interaction(id string, t time.Time, user, userName, space, spaceName string) events.Delivery {
	d := Live(id, t, events.Item{
		Kind: events.KindInteraction, Verb: events.VerbOther, Space: space, Actor: user,
		Interaction: &events.Interaction{
			Type: "MESSAGE", User: events.User{Name: user, Type: events.UserHuman, DisplayName: userName},
			Space: events.Space{Name: space, DisplayName: spaceName, SpaceType: "SPACE"},
		},
	})
	d.Event.ID, d.Event.Source, d.Event.Type = "", "", "interaction.MESSAGE"
	return d
}

// Decoded is a delivery as ingest makes it: from the bytes.
func Decoded(t testing.TB, id, typ string, at time.Time, data string) events.Delivery {
	t.Helper()
	attributes := map[string]string{
		"ce-id": Space + "/spaceEvents/" + id, "ce-type": events.ChatPrefix + typ, "ce-specversion": "1.0",
		"ce-datacontenttype": "application/json", "ce-source": "//workspaceevents.googleapis.com/subscriptions/s1",
		"ce-subject": "//chat.googleapis.com/" + Space, "ce-time": at.Format(time.RFC3339Nano),
	}
	ev, malformed := events.Decode(attributes, []byte(data))
	if malformed != nil {
		t.Fatal(malformed)
	}
	return events.Delivery{
		MessageID: "m-" + id, PublishTime: at, ReceivedAt: at, Attributes: attributes, Data: []byte(data), Origin: events.OriginLive, Event: ev,
	}
}

// Member is the payload of a membership in Space.
func Member(user, state, role string) string {
	return fmt.Sprintf(`{"membership":{"name":"%s/members/%s","state":%q,"role":%q,"member":{"name":"users/%[2]s","type":"HUMAN"}}}`, Space, user, state, role)
}

// Post is the payload of a message in Space.
func Post(user, message, text string) string {
	return fmt.Sprintf(`{"message":{"name":"%s/messages/%s","sender":{"name":"users/%s","type":"HUMAN"},"text":%q,"thread":{"name":"%[1]s/threads/T"}}}`, Space, message, user, text)
}
