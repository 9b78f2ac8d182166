package coverage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// watched is a space with a subscription since created, seen ACTIVE at now.
func watched(space string, created, now time.Time) coverage.SubscriptionState {
	return coverage.SubscriptionState{
		Target: "//chat.googleapis.com/" + space, Scope: space, Name: "subscriptions/" + space, State: "ACTIVE", Managed: true,
		CreateTime: created, UpdateTime: created, ObservedAt: now,
	}
}

func gaps(t *testing.T, s *storetest.Env) []string {
	t.Helper()
	list, err := s.Gaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range list {
		got = append(got, fmt.Sprintf("%s %s–%s %s %s", g.Scope, g.From.Format("02 15:04"), g.To.Format("02 15:04"), g.Cause, g.State))
	}
	return got
}

func count(t *testing.T, s *storetest.Env, query string) (n int) {
	t.Helper()
	if err := s.Pool().QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRequestPast(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	hour := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Hour) }
	// A is known to the keeper, and had an outage; B isn't yet.
	if err := s.Observe(t.Context(), hour(0), []coverage.SubscriptionState{watched("spaces/A", hour(-10), hour(0))}); err != nil {
		t.Fatal(err)
	}
	if err := s.OpenGap(t.Context(), "spaces/A", hour(-6), hour(-4), coverage.CauseSilentLoss); err != nil {
		t.Fatal(err)
	}
	from := hour(-48)
	ask := func(until map[string]time.Time, want ...string) {
		t.Helper()
		got, err := s.RequestPast(t.Context(), hour(0), from, until)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
	until := map[string]time.Time{"spaces/A": hour(0), "spaces/B": hour(-1), "spaces/Old": hour(-50)}
	ask(until, "spaces/A", "spaces/B")
	want := []string{
		"spaces/A 18 12:00–20 02:00 missing pending",
		"spaces/B 18 12:00–20 11:00 missing pending",
		"spaces/A 20 06:00–20 08:00 silent_loss pending",
	}
	if diff := cmp.Diff(want, gaps(t, s)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	ask(until) // asked for already
	from = from.Add(-2 * time.Second)
	ask(until) // by a clock that is off by a little
	if n := count(t, s, `SELECT count(*) FROM river_job WHERE kind = 'backfill'`); n != 3 {
		t.Errorf("got %d jobs, want 3", n)
	}
	// The keeper's next look joins on without an overlap.
	if err := s.Observe(t.Context(), hour(1), []coverage.SubscriptionState{
		watched("spaces/A", hour(-10), hour(1)), watched("spaces/B", hour(-1), hour(1)),
	}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `
		SELECT count(*)
		FROM coverage a
		JOIN coverage b ON a.scope = b.scope AND a.id < b.id
		WHERE tstzrange(a.from_time, a.to_time) && tstzrange(b.from_time, b.to_time)`); n != 0 {
		t.Errorf("%d intervals overlap", n)
	}
}

// All that Google keeps can't be fetched in a moment: what gets too old while the
// request waits for its turn is no gap. What is lost because nobody fetches is one.
func TestRequestOfAllThatGoogleKeeps(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		late time.Duration
		want []string
	}{
		"soon":   {2 * time.Hour, nil},
		"late":   {3 * 24 * time.Hour, []string{"spaces/A 24 12:00–26 12:00 missing impossible"}},
		"stayed": {-1, []string{"spaces/A 23 12:00–20 12:00 missing pending"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.New(t, storetest.Options{Now: clock})
			from := epoch.Add(-coverage.Kept)
			until := map[string]time.Time{"spaces/A": epoch, "spaces/Old": from.Add(time.Hour)}
			if got, err := s.RequestPast(t.Context(), epoch, from, until); err != nil || !slices.Equal(got, []string{"spaces/A"}) {
				t.Fatalf("got %v, %v; want spaces/A alone", got, err)
			}
			if tt.late >= 0 {
				gap := storetest.Value[int64](t, s, `SELECT id FROM coverage`)
				if err := s.GapRepaired(t.Context(), gap, from.Add(tt.late), 0); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, gaps(t, s)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// The members of a space are listed as soon as it is watched, then once a day;
// what became of an earlier request shows in when they were listed.
func TestMembersAreRequested(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	hour := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Hour) }
	var list []coverage.SubscriptionState
	watch := func(scope, target string, created int) {
		n := watched(scope, hour(created), hour(created))
		n.Target = target + scope
		list = append(list, n)
	}
	// A was made anew after it was listed, B is younger than it; the newest is known by a wider subscription.
	watch("spaces/A", "//chat.googleapis.com/", -50)
	watch("spaces/B", "//chat.googleapis.com/", -50)
	watch("users/1", "//cloudidentity.googleapis.com/", -50)
	pass := func(at int, want ...string) {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), `DELETE FROM river_job WHERE kind = 'members'`); err != nil {
			t.Fatal(err)
		}
		for i := range list {
			list[i].ObservedAt = hour(at)
		}
		if err := s.Observe(t.Context(), hour(at), list); err != nil {
			t.Fatal(err)
		}
		got := []string{}
		rows, _ := s.Pool().Query(t.Context(), `SELECT args->>'space' FROM river_job WHERE kind = 'members' AND queue = 'members'`)
		var space string
		if err := store.Each(rows, []any{&space}, func() { got = append(got, space) }); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
			t.Errorf("asked for at %d (-want +got):\n%s", at, diff)
		}
	}
	listed := func(space string, at int) {
		t.Helper()
		if err := s.MembersListed(t.Context(), space, hour(at)); err != nil {
			t.Fatal(err)
		}
	}
	counts := func(watched, unlisted int) {
		t.Helper()
		if w, u, err := s.MemberLists(t.Context()); err != nil || w != watched || u != unlisted {
			t.Errorf("%d of %d spaces aren't listed, %v; want %d of %d", u, w, err, unlisted, watched)
		}
	}
	pass(0, "spaces/A", "spaces/B")
	counts(2, 2)
	pass(1) // they are on their way
	listed("spaces/A", 1)
	counts(2, 1)
	pass(7, "spaces/B") // whose job was lost
	listed("spaces/B", 8)
	pass(24)
	list[1].CreateTime, list[1].UpdateTime = hour(25), hour(25)
	pass(26, "spaces/A", "spaces/B") // as long as B had no subscription, nobody knows who came
	listed("spaces/A", 26)
	listed("spaces/B", 26)
	if _, err := s.Pool().Exec(t.Context(), `
		INSERT INTO spaces (space, version_time, version_key, deleted_at)
		VALUES ('spaces/C', now(), gen_random_uuid(), NULL), ('spaces/Gone', now(), gen_random_uuid(), now())`); err != nil {
		t.Fatal(err)
	}
	watch("customers/X", "//admin.googleapis.com/", 27)
	pass(28, "spaces/C")
}

// A request that waits isn't repeated.
func TestMembersAreRequestedOnce(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	for day := range 3 {
		at := epoch.Add(time.Duration(day) * 24 * time.Hour)
		if err := s.Observe(t.Context(), at, []coverage.SubscriptionState{watched("spaces/A", epoch, at)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, `SELECT count(*) FROM river_job WHERE kind = 'members'`); n != 1 {
		t.Errorf("got %d jobs, want 1", n)
	}
}

func TestRequestPass(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	for range 3 { // which are one
		if err := s.RequestPass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, `SELECT count(*) FROM river_job WHERE kind = 'keep' AND queue = 'keeper'`); n != 1 {
		t.Errorf("got %d jobs, want 1", n)
	}
}
