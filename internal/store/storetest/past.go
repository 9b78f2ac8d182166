package storetest

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Past draws what happens to one message, one reaction and one member of
// the space, in the order in which it happens.
func Past(r *rapid.T, space string) []events.Delivery {
	var list []events.Delivery
	add := func(t time.Time, it events.Item) {
		d := Live(fmt.Sprintf("%s-%d", strings.TrimPrefix(space, "spaces/"), len(list)), t, it)
		d.Event.ID = strings.Replace(d.Event.ID, "spaces/S/", space+"/", 1)
		list = append(list, d)
	}
	msg, user := space+"/messages/m", "users/"+strings.TrimPrefix(space, "spaces/")
	sec := 0
	tick := func() time.Time {
		sec += rapid.IntRange(1, 3).Draw(r, "seconds")
		return At(sec)
	}
	for i := range rapid.IntRange(0, 3).Draw(r, "renamings") {
		add(tick(), Renamed(space, fmt.Sprint("name", i), "SPACE"))
	}
	created := tick()
	first := Message(events.VerbCreated, msg, user, "v0", created, time.Time{})
	first.Message.Mentions = []events.Mention{{User: "users/u0"}, {User: "users/new", Added: true}}
	add(created, first)
	for i := range rapid.IntRange(0, 3).Draw(r, "edits") {
		t := tick()
		it := Message(events.VerbUpdated, msg, user, fmt.Sprint("v", i+1), created, t)
		if i > 0 { // the first edit takes the mentions away
			it.Message.Mentions = []events.Mention{{User: fmt.Sprint("users/u", i+1)}}
		}
		if rapid.Bool().Draw(r, "names only") {
			it.Message = nil
		}
		add(t, it)
	}
	if rapid.Bool().Draw(r, "deleted") {
		add(tick(), Message(events.VerbDeleted, msg, "", "", created, time.Time{}))
	}
	for i := range rapid.IntRange(0, 4).Draw(r, "reactions") {
		verb := []events.Verb{events.VerbCreated, events.VerbDeleted}[i%2]
		add(tick(), Reaction(verb, msg, user, "👍"))
	}
	for range rapid.IntRange(0, 4).Draw(r, "memberships") {
		verb := rapid.SampledFrom([]events.Verb{events.VerbCreated, events.VerbUpdated, events.VerbDeleted}).Draw(r, "verb")
		state := rapid.SampledFrom([]events.MembershipState{"JOINED", "INVITED"}).Draw(r, "state")
		add(tick(), Membership(verb, space, user, state))
		if rapid.Bool().Draw(r, "at once") && verb == events.VerbCreated {
			add(At(sec), Membership(events.VerbUpdated, space, user, state))
		}
	}
	if rapid.Bool().Draw(r, "space deleted") {
		add(tick(), events.Item{Kind: events.KindSpace, Verb: events.VerbDeleted, Resource: space, Space: space})
	}
	return list
}

// Renamed is an item about a space.
func Renamed(space, name, typ string) events.Item {
	return events.Item{
		Kind: events.KindSpace, Verb: events.VerbUpdated, Resource: space, Space: space,
		SpaceData: &events.Space{Name: space, DisplayName: name, SpaceType: typ},
	}
}
