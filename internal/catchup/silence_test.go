package catchup_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
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

// What is as young as events may be late isn't missing yet.
func TestSilenceOfMinutes(t *testing.T) {
	t.Parallel()
	e := newWatched(t, false)
	e.talk(t, 12)
	e.record(t)
	e.clock.Advance(40 * time.Minute)
	e.talk(t, 1) // under way
	e.clock.Advance(9 * time.Minute)
	e.look(t, catchup.SilenceReport{Quiet: 1})
	if gaps := e.gaps(t); len(gaps) != 0 {
		t.Errorf("what is under way left gaps: %+v", gaps)
	}
}

// River works on the checks: one that fails is tried again, losses are told and
// become gaps, and a gap whose job is gone gets another.
func TestSilenceJob(t *testing.T) {
	t.Parallel()
	e := newWatched(t, false)
	e.talk(t, 12)
	e.record(t)
	check(t, e.db.OpenGap(t.Context(), e.space, epoch.Add(time.Minute), epoch.Add(2*time.Minute), coverage.CauseMissing))
	if _, err := e.db.Pool().Exec(t.Context(), `DELETE FROM river_job`); err != nil {
		t.Fatal(err)
	}
	e.talk(t, 5) // nobody hears it
	e.clock.Advance(40 * time.Minute)
	core, logs := observer.New(zap.InfoLevel)
	reader := catchup.New(e.chat, e.db.Log, e.db.Coverage, catchup.Options{Types: config.EventTypes(), Log: zap.New(core), Now: e.now})
	workers := river.NewWorkers()
	check(t, reader.AddWorkers(workers))
	client, err := jobs.NewClient(e.db.Pool(), e.db.Store.Clock(), zap.NewNop(), jobs.Options{
		Queues: map[string]int{jobs.QueueSilence: 1}, Workers: workers, Grace: time.Second,
		Periodic: []*river.PeriodicJob{catchup.PeriodicSilenceCheck()},
	})
	check(t, err)
	ended, unsubscribe := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer unsubscribe()
	e.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault {
		return simulate.ChatFault{Status: http.StatusServiceUnavailable}
	})
	ctx, cancel := context.WithCancel(t.Context())
	check(t, client.Start(ctx))
	defer func() {
		cancel()
		<-client.Stopped()
	}()
	for attempt, want := range []river.EventKind{river.EventKindJobFailed, river.EventKindJobCompleted} {
		select {
		case got := <-ended:
			if got.Kind != want || got.Job.Attempt != attempt+1 {
				t.Fatalf("attempt %d: got %s, want %s", got.Job.Attempt, got.Kind, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("attempt %d hasn't ended after a minute", attempt+1)
		}
		e.SetChatFaults(nil)
	}
	waiting := e.column(t, `
		SELECT concat_ws(' ', c.cause, j.kind, j.queue)
		FROM coverage c
		LEFT JOIN river_job j ON j.args->>'gap' = c.id::text
		WHERE c.source = 'gap'
		ORDER BY c.from_time`)
	if diff := cmp.Diff([]string{"missing backfill backfill", "silent_loss backfill backfill"}, waiting); diff != "" {
		t.Errorf("gaps and their jobs (-want +got):\n%s", diff)
	}
	for message, want := range map[string]map[string]any{
		"jobs that repair gaps were gone; requested again": {"gaps": int64(1)},
		"silent spaces checked":                            {"quiet": int64(0), "losses": int64(1)},
		"events of a space are missing although its subscription is active; backfilling": {
			"space": e.space, "since": epoch.Add(12 * time.Minute), "at_least": int64(5),
		},
	} {
		told := logs.FilterMessage(message).All()
		if len(told) != 1 {
			t.Errorf("%q is told %d times, want once", message, len(told))
			continue
		}
		if diff := cmp.Diff(want, told[0].ContextMap()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", message, diff)
		}
	}
}
