package eventlog_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func listed(user string) memberships.Member {
	return memberships.Member{Membership: events.MemberName(space, user), Name: user, Type: events.UserHuman, DisplayName: "N", State: events.MembershipJoined, Role: "ROLE_MEMBER"}
}

// listing is of spaces/S at the given second.
func listing(seconds int, members ...memberships.Member) memberships.Listing {
	return memberships.Listing{Space: space, AsOf: at(seconds), Members: members}
}

func reconcile(t testing.TB, s *storetest.Env, l memberships.Listing) memberships.Reconciled {
	t.Helper()
	r, err := s.Reconcile(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantMembers(t testing.TB, s *storetest.Env, want ...string) {
	t.Helper()
	got := column(t, s, `
		SELECT format('%s %s %s', member, state, source) FROM memberships
		UNION ALL
		SELECT format('%s %s-%s', member, extract(epoch FROM joined_at - $1::timestamptz)::int, extract(epoch FROM left_at - $1::timestamptz)::int)
		FROM membership_intervals
		ORDER BY 1`, epoch)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members and intervals (-want +got):\n%s", diff)
	}
}

func countRuns(t testing.TB, s *storetest.Env) int {
	t.Helper()
	return storetest.Value[int](t, s, `SELECT count(*) FROM reactor_runs`)
}

func TestListTellsOfPeopleFromBefore(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	group := memberships.Member{Membership: space + "/members/group-g", Name: "groups/g", State: events.MembershipJoined}
	l := listing(100, listed(ann), group)
	if got := reconcile(t, s, l); got != (memberships.Reconciled{Changed: 2}) {
		t.Errorf("got %+v, want 2 changes", got)
	}
	want := []string{"groups/g -", "groups/g JOINED list", "users/ann -", "users/ann JOINED list"}
	wantMembers(t, s, want...)
	if diff := cmp.Diff([]string{"users/ann HUMAN N"}, column(t, s, `SELECT format('%s %s %s', user_name, user_type, display_name) FROM users`)); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
	l.AsOf = at(200)
	if got := reconcile(t, s, l); got != (memberships.Reconciled{}) {
		t.Errorf("the same again: got %+v, want no change", got)
	}
	wantMembers(t, s, want...)
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM membership_changes`); n != 2 {
		t.Errorf("got %d changes in the history, want 2", n)
	}
	if n := countRuns(t, s); n != 0 {
		t.Errorf("got %d reactor runs of a list, want none", n)
	}
	// A later change of role is no join, and the event is the newer source.
	record(t, s, update("role", 300))
	wantMembers(t, s, "groups/g -", "groups/g JOINED list", "users/ann -", "users/ann JOINED event")
	if n := countRuns(t, s); n != 0 {
		t.Errorf("got %d reactor runs of a change of role, want none", n)
	}
}

func TestListTellsWhoLeftUnseen(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	bot := membership(events.VerbCreated, space, "users/bot", events.MembershipJoined)
	bot.Membership.Member.Type = events.UserBot
	record(t, s, join("j", 10), live("b", at(10), bot),
		live("late", at(150), membership(events.VerbCreated, space, "users/late", events.MembershipJoined)))
	l := listing(100)
	absent, err := s.Absent(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	// Not the app, which no list shows, and not who came later.
	if diff := cmp.Diff([]memberships.Member{{Membership: events.MemberName(space, ann), Name: ann}}, absent); diff != "" {
		t.Fatalf("absent (-want +got):\n%s", diff)
	}
	l.Left = absent
	if got := reconcile(t, s, l); got != (memberships.Reconciled{Left: 1}) {
		t.Errorf("got %+v, want that one left", got)
	}
	others := []string{"users/bot 10-", "users/bot JOINED event", "users/late 150-", "users/late JOINED event"}
	wantMembers(t, s, append([]string{"users/ann 10-100", "users/ann NOT_A_MEMBER list"}, others...)...)
	// The event comes after all: it has the true time.
	record(t, s, leave("l", 60))
	wantMembers(t, s, append([]string{"users/ann 10-60", "users/ann NOT_A_MEMBER list"}, others...)...)
}

// A list that is read while somebody joins neither takes their welcome away
// nor the time at which they joined.
func TestJoinDuringTheListing(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]int{"event first": {0, 1}, "list first": {1, 0}} {
		s := storetest.NewGreeting(t)
		steps := []func(){
			func() { record(t, s, join("j", 103)) },
			func() { reconcile(t, s, listing(100, listed(ann))) },
		}
		for _, i := range order {
			steps[i]()
		}
		wantMembers(t, s, "users/ann 103-", "users/ann JOINED event")
		if n := countRuns(t, s); n != 1 {
			t.Errorf("%s: got %d reactor runs, want 1", name, n)
		}
	}
}

// An event of the time of the list, or later, wins over the list, whichever
// is written first.
func TestNewerEventWinsOverList(t *testing.T) {
	t.Parallel()
	for _, listFirst := range []bool{false, true} {
		s := storetest.NewGreeting(t)
		record(t, s, join("j", 10))
		if listFirst {
			reconcile(t, s, listing(100, listed(ann)))
			record(t, s, leave("l", 100))
		} else {
			record(t, s, leave("l", 100))
			reconcile(t, s, listing(100, listed(ann)))
		}
		wantMembers(t, s, "users/ann 10-100", "users/ann NOT_A_MEMBER event")
	}
}

// Whatever events get lost and in whatever order the rest and a list arrive,
// after the next list the truth is known.
func TestListsConverge(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{Now: clock})
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		user := fmt.Sprint("users/", round)
		inside, second := false, 0
		var steps []func()
		for range rapid.IntRange(0, 6).Draw(r, "changes") {
			second += rapid.IntRange(1, 3).Draw(r, "seconds")
			inside = !inside
			verb := events.VerbDeleted
			if inside {
				verb = events.VerbCreated
			}
			d := live(fmt.Sprintf("%d-%d", round, second), at(second), membership(verb, space, user, events.MembershipJoined))
			if rapid.Bool().Draw(r, "arrives") {
				steps = append(steps, func() { record(t, env, d) })
			}
		}
		list := func(seconds int) {
			l := listing(seconds)
			if inside {
				l.Members = []memberships.Member{listed(user)}
			} else {
				l.Left = []memberships.Member{{Membership: events.MemberName(space, user), Name: user}}
			}
			reconcile(t, env, l)
		}
		steps = append(steps, func() { list(second + 1) })
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "order of arrival"), 0))
		shuffle.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		for _, step := range steps {
			step()
		}
		list(second + 2)
		if got := storetest.Value[bool](t, env, `SELECT state = 'JOINED' FROM memberships WHERE member = $1`, user); got != inside {
			r.Fatalf("in the space: %t, want %t", got, inside)
		}
		if got := storetest.Value[bool](t, env, `SELECT EXISTS (SELECT FROM membership_intervals WHERE member = $1 AND left_at IS NULL)`, user); got != inside {
			r.Fatalf("an interval goes on: %t, want %t", got, inside)
		}
	})
}
