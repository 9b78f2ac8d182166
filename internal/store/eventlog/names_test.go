package eventlog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Names are on record with the first event that holds them; what else an event
// tells of them is added whenever it comes. Only the late news that a user is a
// person or a bot uses a number up.
func TestNames(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	namesOnly := membership(events.VerbUpdated, space, ann, "")
	namesOnly.Membership = nil
	list := func() []string {
		return column(t, s, `
			SELECT format('%s %s %s %s', id, space, COALESCE(space_type, '-'), COALESCE(display_name, '-'))
			FROM spaces
			UNION ALL
			SELECT format('%s %s %s %s', id, user_name, COALESCE(user_type, '-'), COALESCE(display_name, '-'))
			FROM users
			ORDER BY 1`)
	}
	for _, step := range []struct {
		d    events.Delivery
		want []string
	}{
		{live("1", at(1), namesOnly), []string{"1 spaces/S - -", "1 users/ann - -"}},
		{join("2", 2), []string{"1 spaces/S - -", "1 users/ann HUMAN -"}},
		{interaction("3", at(5), ann, "Ann", space, "Sails"), []string{"1 spaces/S SPACE Sails", "1 users/ann HUMAN Ann"}},
		{interaction("4", at(4), ann, "Old Ann", space, "Ships"), []string{"1 spaces/S SPACE Sails", "1 users/ann HUMAN Ann"}},
		{interaction("5", at(6), ann, "New Ann", space, "Ships"), []string{"1 spaces/S SPACE Ships", "1 users/ann HUMAN New Ann"}},
		{interaction("6", at(7), "users/bob", "Bob", "spaces/T", ""), []string{
			"1 spaces/S SPACE Ships", "1 users/ann HUMAN New Ann", "2 spaces/T SPACE -", "3 users/bob HUMAN Bob"}},
	} {
		record(t, s, step.d)
		if diff := cmp.Diff(step.want, list()); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.d.MessageID, diff)
		}
	}
}

// A standby that took over may have lost the last names and given their numbers
// to others. What comes over a new connection is told apart all the same.
func TestNumbersAreForgottenWithTheConnection(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	record(t, s, join("1", 1))
	_, err := s.Pool().Exec(t.Context(), `
		TRUNCATE events, spaces, users, event_types, event_sources RESTART IDENTITY;
		INSERT INTO spaces (version_time, version_key, space) VALUES ('-infinity', gen_random_uuid(), 'spaces/other');
		INSERT INTO users (version_time, user_name) VALUES ('-infinity', 'users/other')`)
	if err != nil {
		t.Fatal(err)
	}
	s.Pool().Reset()
	record(t, s, join("2", 2))
	got := column(t, s, `SELECT format('%s %s %s %s', space, actor, kind, ce_id) FROM event_log`)
	if diff := cmp.Diff([]string{"spaces/S users/ann membership spaces/S/spaceEvents/2"}, got); diff != "" {
		t.Errorf("event_log (-want +got):\n%s", diff)
	}
}

// Reading one space's or one person's events doesn't read the others'.
func TestLogIsIndexed(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	var all []events.Delivery
	for i := range 24_000 {
		user, space := fmt.Sprint("users/", i%1000), fmt.Sprint("spaces/", i%300)
		d := live(fmt.Sprint(i), at(i), membership(events.VerbUpdated, space, user, "JOINED"))
		if all = append(all, d); len(all) == 2000 {
			record(t, s, all...)
			all = all[:0]
		}
	}
	if _, err := s.Pool().Exec(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ where, index string }{
		{`space = 'spaces/7' ORDER BY event_time DESC LIMIT 50`, "space_id_event_time_"},
		{`space_id = (SELECT id FROM spaces WHERE space = 'spaces/7') ORDER BY event_time DESC LIMIT 50`, "space_id_event_time_"},
		{`space = 'spaces/7' AND event_time >= '2026-11-20' AND event_time < '2026-11-21'`, "space_id_event_time_"},
		{`event_key = event_key('spaces/S/spaceEvents/7')`, "_pkey"},
	} {
		plan := column(t, s, `EXPLAIN SELECT event_time, kind, space, actor, resource FROM event_log WHERE `+tt.where)
		ofLog := func(line string) bool { return strings.Contains(line, "events_2026_11") }
		i := slices.IndexFunc(plan, ofLog)
		if i < 0 || strings.Contains(plan[i], "Seq Scan") || !strings.Contains(strings.Join(plan, "\n"), tt.index) {
			t.Errorf("plan for %s doesn't use %s:\n%s", tt.where, tt.index, strings.Join(plan, "\n"))
		}
	}
}

// Names come from lists, too: what a list told counts until an event of later
// tells otherwise, and what somebody was called before is kept.
func TestListedNames(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	watched := coverage.SubscriptionState{Target: "//chat.googleapis.com/" + space, Scope: space, Managed: true, ObservedAt: at(0)}
	if err := s.Observe(t.Context(), at(0), []coverage.SubscriptionState{watched}); err != nil {
		t.Fatal(err)
	}
	list := func(second int, spaces ...names.Space) int {
		t.Helper()
		changed, err := names.Listed(t.Context(), s.Store, at(second), spaces)
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	told := func(id string, second int, name string) {
		t.Helper()
		record(t, s, live(id, at(second), events.Item{
			Kind: events.KindSpace, Verb: events.VerbUpdated, Resource: space, Space: space,
			SpaceData: &events.Space{Name: space, DisplayName: name, SpaceType: "SPACE"},
		}))
	}
	want := func(what, space string, history ...string) {
		t.Helper()
		if got := storetest.Value[string](t, s, `SELECT COALESCE(display_name, '-') FROM spaces WHERE space = 'spaces/S'`); got != space {
			t.Errorf("%s: the space is called %q, want %q", what, got, space)
		}
		got := column(t, s, `SELECT format('%s %s %s', extract(epoch FROM known_at - $1::timestamptz)::int, name, display_name) FROM names ORDER BY name, known_at`, epoch)
		if diff := cmp.Diff(history, got); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", what, diff)
		}
	}
	sales := names.Space{Name: space, DisplayName: "Sales", Type: "SPACE"}
	if n := list(10, sales, names.Space{Name: "spaces/unknown", DisplayName: "Others", Type: "SPACE"}); n != 1 {
		t.Errorf("%d names were changed, want that of the space that is watched", n)
	}
	want("after a list", "Sales", "10 spaces/S Sales")
	if n := list(20, sales); n != 0 {
		t.Errorf("the same list changed %d names", n)
	}
	threaded := sales
	threaded.Threading = "THREADED_MESSAGES"
	for i, l := range []names.Space{threaded, threaded, sales} { // what a list doesn't tell stays
		if n := list(20+i, l); n != 1-min(i, 1) {
			t.Errorf("list %d with threads changed %d spaces", i, n)
		}
		if got := storetest.Value[string](t, s, `SELECT threading_state FROM spaces WHERE space = 'spaces/S'`); got != "THREADED_MESSAGES" {
			t.Errorf("threading state = %s", got)
		}
	}
	told("older", 5, "Ships")
	want("an event of before the list", "Sales", "5 spaces/S Ships", "10 spaces/S Sales")
	told("newer", 30, "Sails")
	want("an event of after it", "Sails", "5 spaces/S Ships", "10 spaces/S Sales", "30 spaces/S Sails")
	list(25, sales) // it was begun before the event
	want("a list of before that", "Sails", "5 spaces/S Ships", "10 spaces/S Sales", "30 spaces/S Sails")
	list(40, names.Space{Name: space, DisplayName: "Boats", Type: "SPACE"})
	want("a renaming that no event told", "Boats", "5 spaces/S Ships", "10 spaces/S Sales", "30 spaces/S Sails", "40 spaces/S Boats")

	member := listed(ann)
	for i, name := range []string{"Ann", "Ann B."} {
		member.DisplayName = name
		reconcile(t, s, listing(50+10*i, member))
	}
	record(t, s, interaction("i", at(55), ann, "Anna", "spaces/T", ""))
	want("people", "Boats", "5 spaces/S Ships", "10 spaces/S Sales", "30 spaces/S Sails", "40 spaces/S Boats",
		"50 users/ann Ann", "55 users/ann Anna", "60 users/ann Ann B.")
	if got := storetest.Value[string](t, s, `SELECT display_name FROM users WHERE user_name = 'users/ann'`); got != "Ann B." {
		t.Errorf("the person is called %q, want Ann B.", got)
	}
}

// Spaces and people are known by name at first, and filled in by what is listed
// soon after: within the pages of their tables, so that no index grows. It isn't
// parallel: a transaction open in any database of the server keeps the rows that
// it may still see, and a page has no room for a second round.
func TestNamesAreFilledInInPlace(t *testing.T) {
	s := storetest.New(t, storetest.Options{Now: clock})
	const n = 400
	var list []names.Space
	var people []memberships.Member
	for i := range n {
		space, user := fmt.Sprintf("spaces/AAQAxxxx%03d", i), fmt.Sprintf("users/1234567890123456%03d", i)
		record(t, s, live(fmt.Sprint(i), at(i), message(events.VerbCreated, space+"/messages/M", user, "hello", at(i), at(i))))
		list = append(list, names.Space{Name: space, DisplayName: fmt.Sprintf("Department of everything %d", i), Type: "SPACE"})
		people = append(people, memberships.Member{
			Membership: space + "/members/" + strings.TrimPrefix(user, "users/"), Name: user, Type: events.UserHuman,
			DisplayName: fmt.Sprintf("Alexandra Longname-%d", i), State: events.MembershipJoined, Role: "ROLE_MEMBER",
		})
	}
	if changed, err := names.Listed(t.Context(), s.Store, at(n), list); err != nil || changed != n {
		t.Fatal(changed, err)
	}
	for some := range slices.Chunk(people, 20) {
		if _, err := s.Reconcile(t.Context(), memberships.Listing{Space: list[0].Name, AsOf: at(n), Members: some}); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Value[any](t, s, `SELECT pg_stat_force_next_flush()::text`)
	got := column(t, s, `
		SELECT format('%s: %s updates, most in place: %s', relname, n_tup_upd, n_tup_hot_upd >= 0.8 * n_tup_upd)
		FROM pg_stat_user_tables
		WHERE relname IN ('spaces', 'users')
		ORDER BY relname`)
	if diff := cmp.Diff([]string{"spaces: 400 updates, most in place: t", "users: 400 updates, most in place: t"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
