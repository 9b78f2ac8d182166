package engine

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// A breaker opens after failuresInARow; then one attempt every openFor finds out
// whether the other side is back.
const (
	failuresInARow = 5
	openFor        = 150 * time.Second
)

// breakers stop calls to what doesn't work. There is one for each space, one for
// the Chat API as a whole and one for each action that writes no message. Each
// process has its own.
type breakers struct {
	log     *zap.Logger
	openFor time.Duration

	mu    sync.Mutex
	byKey map[string]*breaker
}

type breaker struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	opened atomic.Pointer[time.Time] // last; nil: never
}

// chatKey is the breaker of the whole Chat API.
const chatKey = "chat"

func newBreakers(log *zap.Logger, openFor time.Duration) *breakers {
	return &breakers{log: log, openFor: openFor, byKey: map[string]*breaker{}}
}

// maxBreakers bounds the number of breakers; beyond it closed ones are dropped.
const maxBreakers = 10_000

func (b *breakers) get(key string) *breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found := b.byKey[key]; found != nil {
		return found
	}
	if len(b.byKey) >= maxBreakers {
		for k, old := range b.byKey {
			if old.State() == gobreaker.StateClosed {
				delete(b.byKey, k)
			}
		}
	}
	made := &breaker{}
	made.TwoStepCircuitBreaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         key,
		Timeout:      b.openFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failuresInARow },
		IsSuccessful: works,
		IsExcluded:   func(err error) bool { return errors.Is(err, errUnused) },
		OnStateChange: func(name string, from, to gobreaker.State) {
			if now := time.Now(); to == gobreaker.StateOpen {
				made.opened.Store(&now)
			}
			b.log.Warn("circuit breaker changed", zap.String("breaker", name), zap.Stringer("from", from), zap.Stringer("to", to))
		},
	})
	b.byKey[key] = made
	return made
}

// works reports whether an answer shows that the other side works. A refusal and
// a request for patience show it, too.
func works(err error) bool {
	return err == nil || reactors.IsPermanent(err) || reactors.IsThrottled(err)
}

// permit allows one attempt.
type permit []func(error)

// done tells the breakers how the attempt ended.
func (p permit) done(err error) {
	for _, tell := range p {
		tell(err)
	}
}

// errUnused ends a permit whose attempt was not made.
var errUnused = errors.New("the attempt was not made")

func (p permit) unused() { p.done(errUnused) }

// breakersOf names the breakers that an attempt at a request concerns.
func breakersOf(r *reactors.Request) []string {
	switch {
	case r.Write == nil:
		return []string{r.Action}
	case r.Write.Space == "":
		return []string{chatKey}
	}
	return []string{chatKey, r.Write.Space}
}

// allow asks the breakers for a permit. If one is open, wait says when a run of
// an event of that time should come back.
func (b *breakers) allow(keys []string, eventTime time.Time) (p permit, wait time.Duration) {
	for _, key := range keys {
		asked := b.get(key)
		done, err := asked.Allow()
		if err != nil {
			p.unused()
			return nil, b.pause(asked, eventTime)
		}
		p = append(p, done)
	}
	return p, 0
}

// wait is how long such a run waits for an open breaker; 0 if none is open.
func (b *breakers) wait(keys []string, eventTime time.Time) time.Duration {
	for _, key := range keys {
		if asked := b.get(key); asked.State() == gobreaker.StateOpen {
			return b.pause(asked, eventTime)
		}
	}
	return 0
}

// probePause is how long a run waits while another tries the other side.
const probePause = time.Second

// pause is how long a run waits for an open breaker: until the breaker allows an
// attempt, and a little longer the younger the run's event is. So the runs that
// piled up come back in the order of their events.
func (b *breakers) pause(open *breaker, eventTime time.Time) time.Duration {
	opened := open.opened.Load()
	if opened == nil {
		return probePause
	}
	left := time.Until(opened.Add(b.openFor))
	if left <= 0 {
		return probePause
	}
	spread, age := float64(b.openFor)/3, max(0, time.Since(eventTime))
	return left + time.Millisecond + time.Duration(spread*float64(time.Hour)/float64(time.Hour+age))
}
