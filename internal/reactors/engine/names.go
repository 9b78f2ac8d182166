package engine

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Directory tells what a space is called.
type Directory interface {
	SpaceName(ctx context.Context, space string) (displayName, spaceType string, err error)
}

// namedState asks the directory for the names of spaces that no event has told,
// once each, and keeps them.
type namedState struct {
	State
	store     *store.Store
	directory Directory
	log       *zap.Logger

	mu    sync.Mutex
	asked map[string]time.Time
}

// Facts implements State.
func (w *namedState) Facts(ctx context.Context, run reactors.Run, needs reactors.Needs, at time.Time) (reactors.Facts, error) {
	f, err := w.State.Facts(ctx, run, needs, at)
	if err != nil || needs&reactors.NeedSpace == 0 || f.Space.DisplayName != store.UnknownSpace || !w.shouldAsk(run.Space) {
		return f, err
	}
	name, kind, err := w.directory.SpaceName(ctx, run.Space)
	if err == nil {
		err = w.store.NameSpace(ctx, run.Space, name, kind)
	}
	if err != nil {
		// A text that says "this space" is better than none.
		w.log.Warn("the name of a space could not be found out", zap.String("space", run.Space), zap.Error(err))
		return f, nil
	}
	return w.State.Facts(ctx, run, needs, at)
}

// askAgain is how long a space that didn't tell its name isn't asked again.
const askAgain = 10 * time.Minute

func (w *namedState) shouldAsk(space string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if space == "" || time.Since(w.asked[space]) < askAgain {
		return false
	}
	if w.asked == nil || len(w.asked) > mostBreakers {
		w.asked = map[string]time.Time{}
	}
	w.asked[space] = time.Now()
	return true
}
