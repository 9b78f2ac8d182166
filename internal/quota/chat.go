package quota

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Google allows 15 reads a second in a space, over all apps in it, and 3,000 a
// minute of each kind in a project, pages of events (fact sheet §5) among them.
// In no second are there more than burst plus rate in a space, in no minute more
// than that in all.
const (
	spaceReadsPerSecond = 10
	spaceReadsBurst     = 5
	readsPerSecond      = 48
	readsBurst          = 100
)

// Chat holds the quotas of the Chat API but those of writes, which package runs
// keeps for all replicas. If several processes together exceed one,
// Google says so and they come again.
type Chat struct {
	MessageReads, MemberReads, SpaceReads, EventReads *rate.Limiter

	mu       sync.Mutex
	perSpace map[string]*rate.Limiter
}

func newChat() *Chat {
	project := func() *rate.Limiter { return rate.NewLimiter(readsPerSecond, readsBurst) }
	return &Chat{
		MessageReads: project(), MemberReads: project(), SpaceReads: project(), EventReads: project(),
		perSpace: map[string]*rate.Limiter{},
	}
}

// WaitIn waits until a read of the kind is within the quotas of space and project.
func (p *Chat) WaitIn(ctx context.Context, kind *rate.Limiter, space string) error {
	if err := p.inSpace(space, time.Now()).Wait(ctx); err != nil {
		return err
	}
	return kind.Wait(ctx)
}

// maxSpaces bounds how many limiters are kept. Beyond it, those of spaces that
// were not read lately go, which have all their tokens again anyway.
const maxSpaces = 10_000

func (p *Chat) inSpace(space string, now time.Time) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	limiter := p.perSpace[space]
	if limiter != nil {
		return limiter
	}
	if len(p.perSpace) >= maxSpaces {
		for name, l := range p.perSpace {
			if l.TokensAt(now) >= spaceReadsBurst {
				delete(p.perSpace, name)
			}
		}
	}
	limiter = rate.NewLimiter(spaceReadsPerSecond, spaceReadsBurst)
	p.perSpace[space] = limiter
	return limiter
}
