package engine

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/decide"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
)

// Directory looks up the name of a space.
type Directory interface {
	SpaceName(ctx context.Context, space string) (displayName, spaceType string, err error)
}

// namedState looks up the names of spaces that no event has told, once each, and
// stores them. If the look-up fails, texts say "this space".
type namedState struct {
	decide.State
	eventLog  *eventlog.Log
	directory Directory
	log       *zap.Logger

	mu       sync.Mutex
	lookedUp map[string]time.Time
}

// Facts implements [decide.State].
func (s *namedState) Facts(ctx context.Context, run reactors.Run, needs reactors.Needs, at time.Time) (reactors.Facts, error) {
	f, err := s.State.Facts(ctx, run, needs, at)
	if err != nil || needs&reactors.NeedSpace == 0 || f.Space.DisplayName != facts.UnknownSpace || !s.shouldLookUp(run.Space) {
		return f, err
	}
	name, kind, err := s.directory.SpaceName(ctx, run.Space)
	if err == nil {
		err = s.eventLog.NameSpace(ctx, run.Space, name, kind)
	}
	if err != nil {
		s.log.Warn("space name not read; texts say \"this space\"", zap.String("space", run.Space), zap.Error(err))
		return f, nil
	}
	return s.State.Facts(ctx, run, needs, at)
}

// lookUpAgain is how long a look-up that failed isn't repeated.
const lookUpAgain = 10 * time.Minute

func (s *namedState) shouldLookUp(space string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if space == "" || time.Since(s.lookedUp[space]) < lookUpAgain {
		return false
	}
	if s.lookedUp == nil || len(s.lookedUp) > maxBreakers {
		s.lookedUp = map[string]time.Time{}
	}
	s.lookedUp[space] = time.Now()
	return true
}
