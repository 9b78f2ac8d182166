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

// A run whose answer was lost isn't called too old before somebody has looked
// whether it took effect.
func TestOutcomeIsLookedUpBeforeItIsTold(t *testing.T) {
	t.Parallel()
	s := newEnv(t, plain)
	s.action.names = true
	action := &looked{say: s.action}
	s.Dispatcher = engine.NewDispatcher(s.ruleSet, []reactors.Action{action}, s.store.Runs, s.store.Log, zap.NewNop(), engine.Options{WriteInterval: time.Microsecond, Now: s.clock})
	s.join("users/1")
	s.action.before = func(_ context.Context, m said) error { // it arrives, the answer doesn't
		s.action.effects = append(s.action.effects, m)
		return errors.New("no answer")
	}
	s.attemptAll()
	s.action.before = nil
	action.away = true
	s.wait(time.Hour)
	s.attemptAll()
	wantOutcomes(t, s, reactors.Pending)
	action.away = false
	s.attemptAll()
	wantOutcomes(t, s, reactors.Sent)
	wantTexts(t, s, "Welcome, <users/1>!")
}
