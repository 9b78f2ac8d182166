package silence_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/backfill"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/silence"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

var epoch = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// scene is a space that is watched since the epoch, by the scope.
type scene struct {
	*simulate.Workspace
	db      *store.Store
	filler  *backfill.Filler
	watcher *silence.Watcher
	clock   *simulatetest.Clock
	space   string
}

func newScene(t *testing.T, wide bool) *scene {
	t.Helper()
	s := &scene{clock: simulatetest.NewClock(epoch)}
	var err error
	s.Workspace, err = simulate.Start(t.Context(), simulate.Options{Seed: 1, Spaces: 1, Users: 4, Publisher: simulatetest.Deaf{}, Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.space = s.Spaces()[0].Name
	chat, err := gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.Proxy(t, s.ChatEndpoint())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chat.Close)
	s.db = storetest.New(t, store.Options{Now: s.clock.Now}).Store
	types := backfill.Listable(config.EventTypes())
	s.filler = backfill.New(chat, s.db, backfill.Options{Types: types, Now: s.clock.Now})
	s.watcher = silence.New(chat, s.db, silence.Options{Types: types, Now: s.clock.Now})
	scope := s.space
	if wide {
		scope = "spaces/-"
	}
	if err := s.db.Observe(t.Context(), epoch, []store.SubscriptionState{{
		Target: "//chat.googleapis.com/" + scope, Scope: scope, Name: "subscriptions/s", State: "ACTIVE",
		Managed: true, CreateTime: epoch, UpdateTime: epoch, ObservedAt: epoch,
	}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// talk lets somebody write so often, a minute apart.
func (s *scene) talk(t *testing.T, messages int) {
	t.Helper()
	var author string
	for _, m := range s.Members(s.space) {
		if m != s.App() {
			author = m
		}
	}
	for range messages {
		s.clock.Advance(time.Minute)
		if _, err := s.Post(s.space, author, "hello"); err != nil {
			t.Fatal(err)
		}
	}
}

// record brings what has happened so far into the database.
func (s *scene) record(t *testing.T) {
	t.Helper()
	if _, err := s.filler.Fill(t.Context(), backfill.Range{Space: s.space, From: epoch.Add(-time.Hour), To: s.clock.Now()}, nil); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) look(t *testing.T, want silence.Report) {
	t.Helper()
	got, err := s.watcher.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("at %s (-want +got):\n%s", s.clock.Now().Sub(epoch), diff)
	}
}

func (s *scene) gaps(t *testing.T) []store.Gap {
	t.Helper()
	gaps, err := s.db.Gaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return gaps
}

// Events are lost although the subscription is ACTIVE.
func TestLoss(t *testing.T) {
	t.Parallel()
	for _, wide := range []bool{false, true} {
		s := newScene(t, wide)
		s.talk(t, 12)
		s.record(t)
		last := s.clock.Now()
		s.talk(t, 5) // nobody hears it
		s.look(t, silence.Report{})
		s.clock.Advance(40 * time.Minute)
		s.look(t, silence.Report{Losses: 1})
		gaps := s.gaps(t)
		if len(gaps) != 1 || gaps[0].Scope != s.space || !gaps[0].From.Equal(last) || gaps[0].Cause != store.CauseSilentLoss {
			t.Fatalf("wide=%v: got gaps %+v, want one of the space since %s", wide, gaps, last)
		}
		if err := s.filler.Repair(t.Context(), gaps[0].ID); err != nil {
			t.Fatal(err)
		}
		if gaps := s.gaps(t); len(gaps) != 0 {
			t.Errorf("wide=%v: got gaps %+v after the repair", wide, gaps)
		}
		var events int
		if err := s.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM events`).Scan(&events); err != nil || events != 17 {
			t.Errorf("wide=%v: got %d events, %v, want 17", wide, events, err)
		}
		s.look(t, silence.Report{Quiet: 1}) // since the last of them
	}
}

// A quiet space is asked about when its silence is unusual, and again when it
// has doubled.
func TestQuiet(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	s.talk(t, 12)
	s.record(t)
	s.clock.Advance(29 * time.Minute)
	s.look(t, silence.Report{})
	s.clock.Advance(2 * time.Minute)
	s.look(t, silence.Report{Quiet: 1})
	s.look(t, silence.Report{})
	s.clock.Advance(30 * time.Minute)
	s.look(t, silence.Report{})
	s.clock.Advance(2 * time.Minute)
	s.look(t, silence.Report{Quiet: 1})
	// The night is part of its baseline from now on.
	s.clock.Advance(14 * time.Hour)
	s.talk(t, 3)
	s.record(t)
	s.clock.Advance(14 * time.Hour)
	s.look(t, silence.Report{})
	s.clock.Advance(24 * time.Hour)
	s.look(t, silence.Report{Quiet: 1})
	if gaps := s.gaps(t); len(gaps) != 0 {
		t.Errorf("quiet left gaps: %+v", gaps)
	}
}

// Of a space of which nothing has ever come, Google is asked after a day.
func TestNothingEverCame(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	s.talk(t, 1)
	s.clock.Advance(23 * time.Hour)
	s.look(t, silence.Report{})
	s.clock.Advance(time.Hour)
	s.look(t, silence.Report{Losses: 1})
}

// The app can't look: that is for the keeper, and not asked again at once.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	s.talk(t, 1)
	if err := s.RemoveMember(s.space, s.App()); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(25 * time.Hour)
	s.look(t, silence.Report{})
	silences, err := s.db.Silences(t.Context(), s.clock.Now(), 10)
	if err != nil || len(silences) != 0 {
		t.Errorf("got %+v, %v, want the silence checked", silences, err)
	}
}
