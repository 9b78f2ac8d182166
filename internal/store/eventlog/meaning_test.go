package eventlog_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// of is the n-th change of somebody, in seconds.
func of(user string, verb events.Verb, n int, role string) events.Delivery {
	d := live(fmt.Sprint(user, n), at(n), membership(verb, space, user, events.MembershipJoined))
	if verb != events.VerbDeleted {
		d.Event.Items[0].Membership.Role = role
	}
	return d
}

// What a backfill brought is nothing that rules are asked about, neither when
// it comes nor when a late live change shows what it was.
func TestBackfilledChangesAskNoRules(t *testing.T) {
	t.Parallel()
	var told []string
	s := storetest.New(t, storetest.Options{Now: clock, Planner: witness{&told}})
	const user, manager = "ROLE_MEMBER", "ROLE_MANAGER"
	n := 0
	for name, tt := range map[string]struct {
		history func(who string) []events.Delivery
		want    []string
	}{
		"a join": {func(who string) []events.Delivery {
			invited := of(who, events.VerbCreated, 1, user)
			invited.Event.Items[0].Membership.State = events.MembershipInvited
			return []events.Delivery{invited, backfilled(of(who, events.VerbUpdated, 2, user))}
		}, nil},
		"another role": {func(who string) []events.Delivery {
			return []events.Delivery{of(who, events.VerbCreated, 1, user), backfilled(of(who, events.VerbUpdated, 2, manager))}
		}, []string{"member.joined"}},
		"a leave": {func(who string) []events.Delivery {
			return []events.Delivery{of(who, events.VerbCreated, 1, user), backfilled(of(who, events.VerbDeleted, 2, user))}
		}, []string{"member.joined"}},
	} {
		for _, late := range []bool{false, true} {
			n++
			list := tt.history(fmt.Sprint("users/", n))
			if late {
				slices.Reverse(list)
			}
			told = nil
			for _, d := range list {
				record(t, s, d)
			}
			if diff := cmp.Diff(tt.want, triggers(told)); diff != "" {
				t.Errorf("%s, the live change late: %t: triggers (-want +got):\n%s", name, late, diff)
			}
		}
	}
}

// Who leaves and comes back within one batch has done both: rules for either
// are asked.
func TestLeaveAndJoinInOneBatch(t *testing.T) {
	t.Parallel()
	var told []string
	s := storetest.New(t, storetest.Options{Now: clock, Planner: witness{&told}})
	verbs := []events.Verb{events.VerbDeleted, events.VerbCreated, events.VerbDeleted}
	for i, order := range [][]int{{0, 1}, {1, 0}, {0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		user := fmt.Sprint("users/", i)
		record(t, s, of(user, events.VerbCreated, 1, "ROLE_MEMBER"))
		told = nil
		var batch []events.Delivery
		for _, n := range order {
			batch = append(batch, of(user, verbs[n], 2+n, "ROLE_MEMBER"))
		}
		record(t, s, batch...)
		want := []string{"member.left", "member.joined", "member.left"}[:len(order)]
		if diff := cmp.Diff(want, triggers(told)); diff != "" {
			t.Errorf("in the order %v: triggers (-want +got):\n%s", order, diff)
		}
	}
}
