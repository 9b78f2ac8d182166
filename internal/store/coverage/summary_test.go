package coverage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	hour := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Hour) }
	suspended := watched("spaces/C", hour(-30), hour(0))
	suspended.State, suspended.Reason = "SUSPENDED", "OTHER"
	if err := s.Observe(t.Context(), hour(0), []coverage.SubscriptionState{
		watched("spaces/A", hour(-30), hour(0)), watched("spaces/B", hour(-2), hour(0)), suspended,
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.OpenGap(t.Context(), "spaces/A", hour(-26), hour(-18), coverage.CauseSilentLoss); err != nil {
		t.Fatal(err)
	}
	if err := s.OpenGap(t.Context(), "spaces/A", hour(-3), hour(-1), coverage.CauseSilentLoss); err != nil {
		t.Fatal(err)
	}
	list, err := s.Gaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range list {
		if g.From.Equal(hour(-3)) {
			if err := s.GapRepaired(t.Context(), g.ID, hour(-48), 7); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := s.Summary(t.Context(), hour(-24), hour(0))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]coverage.Covered{
		"spaces/A": {Live: 16 * time.Hour, Backfilled: 2 * time.Hour, Missing: 6 * time.Hour},
		"spaces/B": {Live: 2 * time.Hour},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if share, ok := got["spaces/A"].Share(); !ok || share != 0.75 {
		t.Errorf("got %v, %v; want 0.75", share, ok)
	}
	if _, ok := got["spaces/Other"].Share(); ok {
		t.Error("nothing was asked for, and a share of it seen")
	}
}

func TestLastEventsAndLag(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	if _, ok, err := s.Lag(t.Context(), epoch.Add(-time.Hour)); ok || err != nil {
		t.Errorf("without events: got %v, %v", ok, err)
	}
	none := time.Time{}
	post := func(id, space string, second int) events.Delivery {
		name := space + "/messages/" + id
		return live(id, at(second), message(events.VerbCreated, name, ann, "hello", at(second), none))
	}
	late := post("4", "spaces/S", 20)
	late.ReceivedAt = at(50)
	old := post("5", "spaces/T", -3*24*3600)
	record(t, s, post("1", "spaces/S", 0), post("2", "spaces/S", 10), post("3", "spaces/S", -2*24*3600), late, old)
	got, err := s.LastEvents(t.Context(), at(0))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]coverage.Activity{
		"spaces/S": {Last: at(20), Events: 3},
		"spaces/T": {Last: at(-3 * 24 * 3600)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	lag, ok, err := s.Lag(t.Context(), at(-5))
	if err != nil || !ok || lag < 20*time.Second || lag > 30*time.Second {
		t.Errorf("got %s, %v, %v; want nearly 30s", lag, ok, err)
	}
}
