package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
)

// looked is say with a way to look whether it has taken effect.
type looked struct {
	*say
	away bool
}

func (l *looked) Settled(_ context.Context, request json.RawMessage) (bool, error) {
	if l.away {
		return false, errors.New("the other side is away")
	}
	var s said
	if err := json.Unmarshal(request, &s); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.effects {
		if e.Key == s.Key {
			return true, nil
		}
	}
	return false, nil
}

// lost is an env whose action's messages can be looked up, with a run of which the
// answer was lost: by a crash, or else by an error that was noted.
func lost(t *testing.T, arrives, crash bool) (*env, *looked) {
	t.Helper()
	s := newEnv(t, plain)
	s.action.names = true
	action := &looked{say: s.action}
	s.Dispatcher = engine.NewDispatcher(s.ruleSet, []reactors.Action{action}, s.store.Runs, s.store.Log, zap.NewNop(), engine.Options{WriteInterval: time.Microsecond, Now: s.clock})
	s.join("users/1")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.action.before = func(_ context.Context, m said) error {
		if arrives {
			s.action.effects = append(s.action.effects, m)
		}
		if crash { // nothing more is written
			cancel()
		}
		return errors.New("no answer")
	}
	if _, err := s.Attempt(ctx, s.runs()[0].ID); (err != nil) != crash {
		t.Fatal(err)
	}
	s.action.before = nil
	return s, action
}

// A run whose answer was lost isn't called too old before somebody has looked
// whether it took effect: it is unclear until then, however long that takes.
func TestOutcomeIsLookedUpBeforeItIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrives, crash bool
		want           reactors.Outcome
	}{
		"it arrived":                    {true, false, reactors.Sent},
		"it arrived, then a crash":      {true, true, reactors.Sent},
		"it did not":                    {false, false, reactors.TooOld},
		"it did not, then came a crash": {false, true, reactors.TooOld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, action := lost(t, c.arrives, c.crash)
			action.away = true
			for range 3 {
				s.wait(24 * time.Hour)
				waits := s.attemptOpen()
				wantOutcomes(t, s, reactors.Unclear)
				if len(waits) != 1 || waits[0] == 0 {
					t.Fatalf("waits %v: nobody looks again", waits)
				}
			}
			counts, err := s.store.OutcomeCounts(t.Context(), start)
			if err != nil || len(counts) != 1 || counts[0].Outcome != reactors.Unclear {
				t.Errorf("counted %+v, %v, want one that is unclear", counts, err)
			}
			action.away = false
			s.attemptOpen()
			wantOutcomes(t, s, c.want)
			if counts, err = s.store.OutcomeCounts(t.Context(), start); err != nil || len(counts) != 1 || counts[0].Outcome != c.want {
				t.Errorf("counted %+v, %v, want one that is %s", counts, err, c.want)
			}
			if c.arrives {
				wantTexts(t, s, "Welcome, <users/1>!")
			}
		})
	}
}

// What nobody can ever look up stays unclear.
func TestStaysUnclear(t *testing.T) {
	t.Parallel()
	s, action := lost(t, true, true)
	action.away = true
	s.wait(time.Hour)
	s.attemptOpen()
	s.wait(8 * 24 * time.Hour)
	if waits := s.attemptOpen(); len(waits) != 1 || waits[0] != 0 {
		t.Errorf("after a week it waits %v, want that it ends", waits)
	}
	wantOutcomes(t, s, reactors.Unclear)
	if ended := value[bool](t, s.store, `SELECT finished_at IS NOT NULL FROM reactor_runs`); !ended {
		t.Error("the run hasn't ended")
	}
}

// What was prepared and never tried is too old, and nobody is asked about it.
func TestWhatWasNeverTriedIsTooOld(t *testing.T) {
	t.Parallel()
	s := newEnv(t, plain)
	s.action.names = true
	action := &looked{say: s.action, away: true}
	s.Dispatcher = engine.NewDispatcher(s.ruleSet, []reactors.Action{action}, s.store.Runs, s.store.Log, zap.NewNop(), engine.Options{WriteInterval: time.Hour, Now: s.clock})
	s.join("users/1", "users/2") // the second waits for its write slot
	s.attemptAll()
	wantOutcomes(t, s, reactors.Sent, reactors.Pending)
	s.wait(time.Hour)
	s.attemptAll()
	wantOutcomes(t, s, reactors.Sent, reactors.TooOld)
}

// attemptOpen attempts all runs that haven't ended once.
func (s *env) attemptOpen() (waits []time.Duration) {
	s.t.Helper()
	for _, r := range s.runs() {
		if r.Outcome == reactors.Pending || r.Outcome == reactors.Unclear {
			waits = append(waits, s.attempt(r.ID))
		}
	}
	return waits
}
