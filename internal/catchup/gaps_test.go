package catchup_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

const (
	outage      = 6 * time.Hour
	outageCount = 10_000
)

// Everything of an outage is recorded once, nobody is greeted late, and the
// gap closes.
func TestOutageIsFilled(t *testing.T) {
	t.Parallel()
	e := newEnv(t, simulate.Options{Spaces: 4, Users: 30})
	e.pass(t)
	e.suspendAll(t)
	before := e.count()
	e.live(t, outageCount, outage)
	e.mendAll(t)
	e.pass(t)

	gaps := e.gaps(t)
	if len(gaps) != 4 {
		t.Fatalf("got %d gaps, want one for each of 4 spaces: %+v", len(gaps), gaps)
	}
	for _, g := range gaps {
		if g.State != coverage.GapPending || g.From.After(epoch.Add(time.Minute)) || g.To.Before(epoch.Add(outage)) {
			t.Errorf("got gap %+v, want one over the whole outage", g)
		}
	}
	e.repair(t)
	if gaps := e.gaps(t); len(gaps) != 0 {
		t.Errorf("gaps are left: %+v", gaps)
	}
	if n := e.number(t, `SELECT count(DISTINCT event_key) FROM events`); n != outageCount {
		t.Errorf("got %d events recorded, want %d", n, outageCount)
	}
	items := 0
	for _, event := range e.events[before:] {
		if event.Deliveries != 0 {
			t.Fatalf("event %s was delivered; this is no outage", event.ID)
		}
		items += len(event.Items)
	}
	if n := e.number(t, `SELECT count(*) FROM events`); n != items {
		t.Errorf("got %d items recorded, want %d", n, items)
	}
	if n := e.number(t, `SELECT count(*) FROM events WHERE origin <> 'backfill'`); n != 0 {
		t.Errorf("%d events don't say that they were backfilled", n)
	}
	if n := e.number(t, `SELECT count(*) FROM reactor_runs`) + e.number(t, `SELECT count(*) FROM river_job WHERE kind = 'reactor_run'`); n != 0 {
		t.Errorf("%d reactor runs came of backfilled events", n)
	}
	if n := len(e.Truth().AppMessages); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	if n := e.number(t, `SELECT sum(events) FROM coverage WHERE source = 'backfill'`); n != outageCount {
		t.Errorf("coverage says that %d events were added, want %d", n, outageCount)
	}
	if n := e.number(t, `SELECT count(*) FROM quarantine`); n != 0 {
		t.Errorf("%d events are in the quarantine", n)
	}

	// The same once more adds nothing.
	for _, space := range e.Spaces() {
		if err := e.db.OpenGap(t.Context(), space.Name, epoch.Add(time.Hour), epoch.Add(2*time.Hour), coverage.CauseSilentLoss); err != nil {
			t.Fatal(err)
		}
	}
	e.repair(t)
	if n := e.number(t, `SELECT count(*) FROM events`); n != items {
		t.Errorf("a second backfill recorded %d more", n-items)
	}
	if gaps := e.gaps(t); len(gaps) != 0 {
		t.Errorf("gaps are left: %+v", gaps)
	}
}

// What is older than Google keeps stays visible, with its length.
func TestOutageBeyondWhatGoogleKeeps(t *testing.T) {
	t.Parallel()
	e := newEnv(t, simulate.Options{Spaces: 2, Users: 30})
	e.pass(t)
	e.suspendAll(t)
	e.live(t, 600, outage)
	e.clock.Advance(28*24*time.Hour - outage/2)
	e.pass(t) // they have expired long since
	ended := e.clock.Now()
	e.repair(t)

	oldest := ended.Add(-28 * 24 * time.Hour)
	gaps := e.gaps(t)
	if len(gaps) != 2 {
		t.Fatalf("got gaps %+v, want the old part of each space's", gaps)
	}
	for _, g := range gaps {
		if g.State != coverage.GapImpossible || g.Detail != coverage.ReasonTooOld {
			t.Errorf("got gap %+v, want one that can't be repaired as it is too old", g)
		}
		if got := g.To.Sub(oldest).Abs(); got > time.Minute {
			t.Errorf("the gap ends at %s, want %s: 28 days before the repair", g.To, oldest)
		}
		if got, want := g.To.Sub(g.From), outage/2; (got - want).Abs() > time.Minute {
			t.Errorf("the gap has a length of %s, want about %s", got, want)
		}
	}
	want := 0
	for _, event := range e.events {
		if event.Time.After(oldest) {
			want++
		}
	}
	if want == 0 {
		t.Fatal("nothing happened that could be fetched")
	}
	if got := e.number(t, `SELECT count(DISTINCT event_key) FROM events`); got != want {
		t.Errorf("got %d events recorded, want the %d that Google keeps", got, want)
	}
}
