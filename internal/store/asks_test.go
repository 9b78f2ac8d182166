package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		got, err := s.RequestPast(t.Context(), from, until)
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

func TestRequestMembers(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	for _, spaces := range [][]string{nil, {"spaces/A", "spaces/B"}} {
		if err := s.RequestMembers(t.Context(), spaces); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, `SELECT count(*) FROM river_job WHERE kind = 'members' AND queue = 'members'`); n != 2 {
		t.Errorf("got %d jobs, want 2", n)
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
