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

// A breaker opens after so many failures in a row; then a single attempt finds
// out, every openFor, whether the other side is there again. An attempt may
// take two calls.
const (
	failuresInARow = 5
	openFor        = 150 * time.Second
)

// breakers keep from calling what doesn't work: one for each space, one for
// the Chat API as a whole, one for each other action. They are this process's
// own; replicas find out for themselves.
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

// mostBreakers bounds what is remembered of spaces.
const mostBreakers = 10_000

func (b *breakers) get(key string) *breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found := b.byKey[key]; found != nil {
		return found
	}
	if len(b.byKey) >= mostBreakers {
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
			b.log.Warn("a circuit breaker has changed", zap.String("breaker", name), zap.Stringer("from", from), zap.Stringer("to", to))
		},
	})
	b.byKey[key] = made
	return made
}

// works reports whether an answer shows that the other side works: a refusal
// does, and so does one that asks for patience.
func works(err error) bool {
	return err == nil || reactors.IsPermanent(err) || reactors.IsThrottled(err)
}

// permit is the leave to make one attempt.
type permit []func(error)

// done tells how the attempt ended.
func (p permit) done(err error) {
	for _, tell := range p {
		tell(err)
	}
}

// errUnused ends a permit of which nothing is learnt.
var errUnused = errors.New("the attempt was not made")

func (p permit) unused() { p.done(errUnused) }

// breakersOf names the breakers that an attempt concerns.
func breakersOf(action, space string, writesChat bool) []string {
	switch {
	case !writesChat:
		return []string{action}
	case space == "":
		return []string{chatKey}
	}
	return []string{chatKey, space}
}

// allow asks the breakers. If one is open, wait says when a run of an event of
// that time is to come back.
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

// wait is how long such a run has to wait for an open breaker; 0 if none is.
func (b *breakers) wait(keys []string, eventTime time.Time) time.Duration {
	for _, key := range keys {
		if asked := b.get(key); asked.State() == gobreaker.StateOpen {
			return b.pause(asked, eventTime)
		}
	}
	return 0
}

// probePause is how long a run waits while another finds out.
const probePause = time.Second

// pause is how long a run waits if a breaker is open: until that lets somebody
// find out, and a little more the younger it is. So what has piled up comes
// back in its order, whenever each run has met the open breaker.
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
