package subscriptions

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/quota"
)

// atOnce is how many actions are under way at a time. It makes up for the time
// that Google takes to answer, so that the quota of writes is what bounds us.
const atOnce = 4

// TakesAbout is how long so many changes take at Google's quota.
func TakesAbout(changes int) time.Duration {
	return quota.WritesTake(changes)
}

// DoAll carries actions out, and yields their results in the order of actions
// as they come in. No more are begun once ctx is done or nobody takes the
// results; what is under way is finished.
func (m *Manager) DoAll(ctx context.Context, actions []Action) iter.Seq[Result] {
	return inOrder(ctx, actions, func(a Action) Result { return m.Do(ctx, a) })
}

// Validation is what Google says about one action.
type Validation struct {
	Action Action
	Err    error // why it would fail; nil if it is fine, or nothing is known
}

// ValidateAll validates actions, and yields the answers as DoAll does.
func (m *Manager) ValidateAll(ctx context.Context, actions []Action) iter.Seq[Validation] {
	return inOrder(ctx, actions, func(a Action) Validation { return Validation{a, m.Validate(ctx, a)} })
}

// inOrder calls do for each item, several at once, and yields what it returns
// in the items' order. It has no goroutine left when it returns.
func inOrder[T, R any](ctx context.Context, items []T, do func(T) R) iter.Seq[R] {
	return func(yield func(R) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer cancel()
		tickets := make(chan struct{}, atOnce)
		answers := make([]chan R, len(items))
		for i := range answers {
			answers[i] = make(chan R, 1)
		}
		workers.Go(func() {
			for i, item := range items {
				select {
				case tickets <- struct{}{}:
				case <-ctx.Done():
				}
				if ctx.Err() != nil {
					for ; i < len(items); i++ {
						close(answers[i])
					}
					return
				}
				workers.Go(func() {
					answers[i] <- do(item)
					<-tickets
				})
			}
		})
		for _, answer := range answers {
			r, ok := <-answer
			if !ok || !yield(r) {
				return
			}
		}
	}
}
