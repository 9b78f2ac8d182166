package catchup_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

// newWatched returns an env of one space that is watched since the epoch, by
// a subscription to it or to all spaces.
func newWatched(t *testing.T, wide bool) *env {
	t.Helper()
	e := newEnv(t, simulate.Options{Users: 4})
	scope := e.space
	if wide {
		scope = "spaces/-"
	}
	if err := e.db.Observe(t.Context(), epoch, []coverage.SubscriptionState{{
		Target: "//chat.googleapis.com/" + scope, Scope: scope, Name: "subscriptions/s", State: "ACTIVE",
		Managed: true, CreateTime: epoch, UpdateTime: epoch, ObservedAt: epoch,
	}}); err != nil {
		t.Fatal(err)
	}
	return e
}

// talk lets somebody write so often, a minute apart.
func (e *env) talk(t *testing.T, messages int) {
	t.Helper()
	for range messages {
		e.clock.Advance(time.Minute)
		if _, err := e.Post(e.space, e.author(e.space), "hello"); err != nil {
			t.Fatal(err)
		}
	}
}

// record brings what has happened so far into the database.
func (e *env) record(t *testing.T) {
	t.Helper()
	if _, err := e.reader.Fill(t.Context(), catchup.Range{Space: e.space, From: epoch.Add(-time.Hour), To: e.clock.Now()}, nil); err != nil {
		t.Fatal(err)
	}
}

func (e *env) look(t *testing.T, want catchup.SilenceReport) {
	t.Helper()
	got, err := e.reader.CheckSilences(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("at %s (-want +got):\n%s", e.clock.Now().Sub(epoch), diff)
	}
}

// Events are lost although the subscription is ACTIVE.
func TestSilenceLoss(t *testing.T) {
	t.Parallel()
	for _, wide := range []bool{false, true} {
		e := newWatched(t, wide)
		e.talk(t, 12)
		e.record(t)
		last := e.clock.Now()
		e.talk(t, 5) // nobody hears it
		e.look(t, catchup.SilenceReport{})
		e.clock.Advance(40 * time.Minute)
		e.look(t, catchup.SilenceReport{Losses: 1})
		gaps := e.gaps(t)
		if len(gaps) != 1 || gaps[0].Scope != e.space || !gaps[0].From.Equal(last) || gaps[0].Cause != coverage.CauseSilentLoss {
			t.Fatalf("wide=%v: got gaps %+v, want one of the space since %s", wide, gaps, last)
		}
		if err := e.reader.Repair(t.Context(), gaps[0].ID); err != nil {
			t.Fatal(err)
		}
		if gaps := e.gaps(t); len(gaps) != 0 {
			t.Errorf("wide=%v: got gaps %+v after the repair", wide, gaps)
		}
		var events int
		if err := e.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM events`).Scan(&events); err != nil || events != 17 {
			t.Errorf("wide=%v: got %d events, %v, want 17", wide, events, err)
		}
		e.look(t, catchup.SilenceReport{Quiet: 1}) // since the last of them
	}
}

// A quiet space is asked about when its silence is unusual, and again when it
// has doubled.
func TestSilenceQuiet(t *testing.T) {
	t.Parallel()
	e := newWatched(t, false)
	e.talk(t, 12)
	e.record(t)
	e.clock.Advance(29 * time.Minute)
	e.look(t, catchup.SilenceReport{})
	e.clock.Advance(2 * time.Minute)
	e.look(t, catchup.SilenceReport{Quiet: 1})
	e.look(t, catchup.SilenceReport{})
	e.clock.Advance(30 * time.Minute)
	e.look(t, catchup.SilenceReport{})
	e.clock.Advance(2 * time.Minute)
	e.look(t, catchup.SilenceReport{Quiet: 1})
	// The night is part of its baseline from now on.
	e.clock.Advance(14 * time.Hour)
	e.talk(t, 3)
	e.record(t)
	e.clock.Advance(14 * time.Hour)
	e.look(t, catchup.SilenceReport{})
	e.clock.Advance(24 * time.Hour)
	e.look(t, catchup.SilenceReport{Quiet: 1})
	if gaps := e.gaps(t); len(gaps) != 0 {
		t.Errorf("quiet left gaps: %+v", gaps)
	}
}

// Of a space of which nothing has ever come, Google is asked after a day.
func TestSilenceNothingEverCame(t *testing.T) {
	t.Parallel()
	e := newWatched(t, false)
	e.talk(t, 1)
	e.clock.Advance(23 * time.Hour)
	e.look(t, catchup.SilenceReport{})
	e.clock.Advance(time.Hour)
	e.look(t, catchup.SilenceReport{Losses: 1})
}

// The app can't look: that is for the keeper, and not asked again at once.
func TestSilenceRefused(t *testing.T) {
	t.Parallel()
	e := newWatched(t, false)
	e.talk(t, 1)
	if err := e.RemoveMember(e.space, e.App()); err != nil {
		t.Fatal(err)
	}
	e.clock.Advance(25 * time.Hour)
	e.look(t, catchup.SilenceReport{})
	silences, err := e.db.Silences(t.Context(), e.clock.Now(), 10)
	if err != nil || len(silences) != 0 {
		t.Errorf("got %+v, %v, want the silence checked", silences, err)
	}
}
