package eventlog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// A deletion tells nothing but the membership's name: it finds whose it was,
// and a Google Group is nobody who is greeted or missed.
func TestGroupsComeAndGo(t *testing.T) {
	t.Parallel()
	const join = `{"membership":{"name":"%s/members/%s","state":"JOINED","groupMember":{"name":"groups/01eg"}}}`
	const leave = `{"membership":{"name":"%s/members/%s","state":"NOT_A_MEMBER"}}`
	for _, id := range []string{"group-01eg", "01eg", "4711"} { // as measured, as documented, and like a user's
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			for _, order := range [][]int{{0, 1}, {1, 0}} {
				var told []string
				s := storetest.New(t, storetest.Options{Now: clock, Planner: witness{&told}})
				list := []events.Delivery{
					decoded(t, "1", "membership.v1.created", at(10), fmt.Sprintf(join, space, id)),
					decoded(t, "2", "membership.v1.deleted", at(20), fmt.Sprintf(leave, space, id)),
				}
				for _, i := range order {
					record(t, s, list[i])
				}
				wantMembers(t, s, "groups/01eg 10-20", "groups/01eg NOT_A_MEMBER event")
				told = triggers(told)
				want := []string{"group.added", "group.removed"}
				if id == "4711" && order[0] == 1 {
					want = []string{"member.left", "group.added", "group.removed"} // at first it can't be known
				}
				users := storetest.Value[int](t, s, `SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM events WHERE actor_id IS NOT NULL)`)
				if users != 0 && (id != "4711" || order[0] == 0) {
					t.Errorf("order %v: %d users and actors, want none", order, users)
				}
				if diff := cmp.Diff(want, told); diff != "" {
					t.Errorf("order %v: triggers (-want +got):\n%s", order, diff)
				}
				var past []string
				if err := s.History(t.Context(), at(0), at(60), reactors.Filter{}, func(c reactors.Change) error {
					past = append(past, describe(c))
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{"group.added", "group.removed"}, triggers(past)); diff != "" {
					t.Errorf("order %v: history (-want +got):\n%s", order, diff)
				}
			}
		})
	}
}

// What told of a group counts whichever way it came: in the same transaction, by
// a list, or before a deletion that a backfill fetched.
func TestNoUserOfAGroupsNumber(t *testing.T) {
	t.Parallel()
	told := decoded(t, "1", "membership.v1.created", at(10), `{"membership":{"name":"`+space+`/members/4711","state":"JOINED","groupMember":{"name":"groups/g"}}}`)
	list := listing(100, memberships.Member{Membership: space + "/members/4711", Name: "groups/g", State: events.MembershipJoined})
	for name, tell := range map[string]func(*storetest.Env, ...events.Delivery){
		"together": func(s *storetest.Env, more ...events.Delivery) { record(t, s, append(more, told)...) },
		"before": func(s *storetest.Env, more ...events.Delivery) {
			record(t, s, told)
			record(t, s, more...)
		},
		"listed": func(s *storetest.Env, more ...events.Delivery) {
			reconcile(t, s, list)
			record(t, s, more...)
		},
	} {
		s := storetest.New(t, storetest.Options{Now: clock})
		bare := decoded(t, "2", "membership.v1.updated", at(200), `{"membership":{"name":"`+space+`/members/4711"}}`)
		gone := decoded(t, "3", "membership.v1.deleted", at(201), `{"membership":{"name":"`+space+`/members/4711","state":"NOT_A_MEMBER"}}`)
		person := decoded(t, "4", "membership.v1.deleted", at(202), `{"membership":{"name":"`+space+`/members/4712","state":"NOT_A_MEMBER"}}`)
		again := decoded(t, "3", "membership.v1.deleted", at(201), `{"membership":{"name":"`+space+`/members/4711"}}`)
		again.MessageID, again.PublishTime, again.ReceivedAt, again.Origin = "", time.Time{}, at(300), events.OriginBackfill
		tell(s, bare, gone, again, person)
		if diff := cmp.Diff([]string{"users/4712"}, column(t, s, `SELECT user_name FROM users`)); diff != "" {
			t.Errorf("%s: users (-want +got):\n%s", name, diff)
		}
		if n := storetest.Value[int](t, s, `SELECT count(*) FROM events WHERE actor_id IS NOT NULL`); n != 1 {
			t.Errorf("%s: %d events have an actor, want that of the person", name, n)
		}
	}
}

// triggers are the triggers of what describe wrote, without the changes that pulled none.
func triggers(told []string) (list []string) {
	for _, line := range told {
		if trigger := strings.Fields(line)[1]; strings.Contains(trigger, ".") {
			list = append(list, trigger)
		}
	}
	return slices.Compact(list)
}

// A name of which nobody told whose it is, and which isn't a user's number, is
// nobody's: no user, no leave, until somebody tells.
func TestNobodyLeaves(t *testing.T) {
	t.Parallel()
	var told []string
	s := storetest.New(t, storetest.Options{Now: clock, Planner: witness{&told}})
	gone := decoded(t, "0", "membership.v1.deleted", at(20), `{"membership":{"name":"`+space+`/members/group-01eg","state":"NOT_A_MEMBER"}}`)
	record(t, s, gone)
	if told = triggers(told); told != nil {
		t.Errorf("triggers %q, want none", told)
	}
	if n := storetest.Value[int](t, s, `SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM membership_intervals)`); n != 0 {
		t.Errorf("%d users and intervals, want none", n)
	}
	person := decoded(t, "1", "membership.v1.deleted", at(30), `{"membership":{"name":"`+space+`/members/1","state":"NOT_A_MEMBER"}}`)
	record(t, s, person)
	if diff := cmp.Diff([]string{"member.left"}, triggers(told)); diff != "" {
		t.Errorf("triggers of a person's (-want +got):\n%s", diff)
	}
}

// Members are people: a group counts neither as one nor as a join.
func TestGroupsAreNotCounted(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	record(t, s, join("a", 5),
		decoded(t, "1", "membership.v1.created", at(10), `{"membership":{"name":"`+space+`/members/group-g","state":"JOINED","groupMember":{"name":"groups/g"}}}`))
	run := reactors.Run{Space: space}
	run.Facts.Space.Name = space
	f, err := s.FactsAsOf(t.Context(), run, reactors.NeedSpaceActivity|reactors.NeedWeek, at(20))
	if err != nil || f.Space.Members != 1 || f.Space.JoinsLastHr != 1 || f.Space.Week.Joins != 1 {
		t.Errorf("members %d, joins %d, in the week %d, %v: want 1 of each", f.Space.Members, f.Space.JoinsLastHr, f.Space.Week.Joins, err)
	}
}
