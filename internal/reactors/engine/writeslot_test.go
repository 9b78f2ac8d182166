package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// A run whose write slot is some time off comes back a little before it, as
// the queue is looked at now and then only, and sits the rest out.
func TestComesBackBeforeItsTurn(t *testing.T) {
	t.Parallel()
	const interval = 10 * time.Second
	s := newEnv(t, plain)
	s.Dispatcher = engine.NewDispatcher(s.ruleSet, []reactors.Action{s.action}, s.store.Runs, s.store.Log, zap.NewNop(), engine.Options{
		WriteInterval: interval, Now: s.clock,
	})
	s.join("users/1", "users/2")
	waits := s.attemptAll()
	if waits[0] != 0 {
		t.Errorf("the first waits %s, want 0", waits[0])
	}
	if most := interval - engine.ShortWait; waits[1] > most || waits[1] < most-5*time.Second {
		t.Errorf("the second waits %s, want a little less than %s", waits[1], most)
	}
	wantOutcomes(t, s, reactors.Sent, reactors.Pending)
}

// Who is refused for a space's quota, without being told for how long, leaves it
// alone for a while: the quota counts what was written before.
func TestPausesWhenThrottled(t *testing.T) {
	t.Parallel()
	const interval = 10 * time.Second
	busy := reactors.Throttled(errors.New("quota exceeded"))
	for _, c := range []struct {
		name        string
		err         error
		least, most time.Duration
	}{
		{"for how long it isn't told", busy, 5 * interval, 6 * interval},
		{"for how long it is told", reactors.RetryAfter(3*time.Second, busy), 3 * time.Second, 3 * time.Second},
		{"another error", errors.New("away"), time.Second, 2 * time.Second},
	} {
		s := newEnv(t, plain)
		s.action.before = func(context.Context, said) error { return c.err }
		s.Dispatcher = engine.NewDispatcher(s.ruleSet, []reactors.Action{s.action}, s.store.Runs, s.store.Log, zap.NewNop(), engine.Options{
			WriteInterval: interval, Now: s.clock,
		})
		s.join("users/1")
		if wait := s.attemptAll()[0]; wait < c.least || wait > c.most {
			t.Errorf("%s: it waits %s, want %s to %s", c.name, wait, c.least, c.most)
		}
	}
}

// When a space gets too many writes, slots that were given at the old pace are
// given anew: or else each of them would be refused and slow the space down
// again.
func TestSlowingDownTakesTurnsBack(t *testing.T) {
	t.Parallel()
	s := newEnv(t, plain)
	s.join("users/1", "users/2", "users/3", "users/4")
	claimed := s.runs()
	reserve := func(i int) time.Duration {
		t.Helper()
		wait, err := s.store.ReserveWrite(t.Context(), runs.Pace{Name: space, Interval: time.Minute}, claimed[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		return wait.Round(10 * time.Second)
	}
	for i, want := range []time.Duration{0, time.Minute, 2 * time.Minute, 3 * time.Minute} {
		if got := reserve(i); got != want {
			t.Errorf("run %d waits %s, want %s", i, got, want)
		}
	}
	if err := s.store.SlowDown(t.Context(), space, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Duration{20 * time.Second, 140 * time.Second, 260 * time.Second} {
		if got := reserve(i + 1); got != want {
			t.Errorf("run %d waits %s, want %s", i+1, got, want)
		}
	}
}
