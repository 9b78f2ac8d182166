package engine

import (
	"errors"
	"sync"
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
	openFor        = 90 * time.Second
)

// breakers keep from calling what doesn't work: one for each space, one for
// the Chat API as a whole, one for each other action. They are this process's
// own; replicas find out for themselves.
type breakers struct {
	log *zap.Logger

	mu    sync.Mutex
	byKey map[string]*gobreaker.TwoStepCircuitBreaker[struct{}]
}

// chatKey is the breaker of the whole Chat API.
const chatKey = "chat"

func newBreakers(log *zap.Logger) *breakers {
	return &breakers{log: log, byKey: map[string]*gobreaker.TwoStepCircuitBreaker[struct{}]{}}
}

// mostBreakers bounds what is remembered of spaces.
const mostBreakers = 10_000

func (b *breakers) get(key string) *gobreaker.TwoStepCircuitBreaker[struct{}] {
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
	made := gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         key,
		Timeout:      openFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failuresInARow },
		IsSuccessful: works,
		IsExcluded:   func(err error) bool { return errors.Is(err, errUnused) },
		OnStateChange: func(name string, from, to gobreaker.State) {
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

// allow asks every breaker that the attempt concerns.
func (b *breakers) allow(action, space string, writesChat bool) (permit, bool) {
	keys := []string{action}
	if writesChat {
		keys = []string{chatKey}
		if space != "" {
			keys = append(keys, space)
		}
	}
	var p permit
	for _, key := range keys {
		done, err := b.get(key).Allow()
		if err != nil {
			p.unused()
			return nil, false
		}
		p = append(p, done)
	}
	return p, true
}

// pauseFor is how long a run waits when a breaker is open. Older runs come
// back earlier, so that what has piled up is sent in its order.
func (b *breakers) pauseFor(eventTime time.Time) time.Duration {
	const spread = 10 * time.Second // for a backlog of up to an hour
	ahead := time.Hour - time.Since(eventTime)
	return openFor + time.Duration(float64(spread)*min(1, max(0, float64(ahead)/float64(time.Hour))))
}
