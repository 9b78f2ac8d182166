package mend_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Months of events and of messages may be dropped: what still comes about what
// was in them is recorded, and a rebuild takes nothing away that the log knows
// no more of.
func TestDroppedMonths(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock, Planner: storetest.Greeter{}})
	october := time.Date(2026, time.October, 20, 12, 0, 0, 0, time.UTC)
	named := wired(t, live("1", october, events.Item{Kind: events.KindMessage, Verb: events.VerbCreated, Resource: space + "/messages/n", Space: space}))
	member := func(id string, at time.Time, verb events.Verb, state events.MembershipState) events.Delivery {
		d := live(id, at, membership(verb, space, "users/7", state))
		d.Event.Items[0].Resource, d.Event.Items[0].Membership.Name = space+"/members/7", space+"/members/7"
		return wired(t, d)
	}
	say := func(id string, at time.Time, verb events.Verb, text string) events.Delivery {
		return wired(t, live(id, at, message(verb, space+"/messages/m", "users/7", text, october, at)))
	}
	reaction := wired(t, live("7", october, storetest.Reaction(events.VerbCreated, space+"/messages/m", "users/7", "👍")))
	record(t, s, named, member("2", october, events.VerbCreated, "JOINED"), say("3", october, events.VerbCreated, "v0"),
		say("4", october.Add(time.Hour), events.VerbUpdated, "v1"), reaction)
	record(t, s, say("5", at(0), events.VerbUpdated, "v2"))
	before := tables(t, s)
	drop := func(table string) {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), "DROP TABLE "+table); err != nil {
			t.Fatal(err)
		}
	}
	drop("events_2026_10")
	m := mender(t, s)
	rebuildAll(t, m)
	if diff := gocmp.Diff(before, tables(t, s)); diff != "" {
		t.Errorf("rebuilt without October's events (-before +after):\n%s", diff)
	}
	content := message(events.VerbCreated, space+"/messages/n", "users/7", "late", october, october)
	n := eventlog.Named{Key: items.KeyOf(named.Event, ""), Time: october, Kind: events.KindMessage, Resource: space + "/messages/n", Space: space}
	if err := s.Enrich(t.Context(), n, content, at(1)); err == nil {
		t.Error("Enrich of an event that isn't there any more: no error")
	}
	// A report of before the join, which is recorded and whose event isn't there any more.
	for _, o := range record(t, s, member("6", october.Add(-time.Hour), events.VerbDeleted, "NOT_A_MEMBER")) {
		if o != events.Recorded {
			t.Errorf("an event of before is %s", o)
		}
	}
	drop("stored_messages_2026_10")
	for _, o := range record(t, s, say("8", at(2), events.VerbUpdated, "v3"),
		wired(t, live("9", at(3), storetest.Reaction(events.VerbDeleted, space+"/messages/m", "users/7", "👍")))) {
		if o != events.Recorded {
			t.Errorf("an event about a message of a dropped month is %s", o)
		}
	}
	if got := storetest.Value[string](t, s, `SELECT concat_ws(' ', message, text) FROM messages WHERE message LIKE '%/m'`); got != space+"/messages/m v3" {
		t.Errorf("messages: %q", got)
	}
	drop("stored_messages_2026_10")
	rebuildAll(t, mender(t, s)) // makes October again
	if got := storetest.Value[string](t, s, `SELECT concat_ws(' ', message, text) FROM messages WHERE message LIKE '%/m'`); got != space+"/messages/m v3" {
		t.Errorf("rebuilt, messages are %q", got)
	}
	if got := storetest.Value[string](t, s, `SELECT concat_ws(' ', present, added_at::date, removed_at::date) FROM reactions`); got != "f 2026-10-20 2026-11-20" {
		t.Errorf("rebuilt, the reaction is %q", got)
	}
}
