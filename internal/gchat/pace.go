package gchat

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Google allows 15 reads a second in a space, over all apps in it, and 3,000 a
// minute of each kind in a project (fact sheet §6.3). In no second are there
// more than burst plus rate in a space, in no minute more than that in all.
const (
	spaceReadsPerSecond = 10
	spaceReadsBurst     = 5
	readsPerSecond      = 48
	readsBurst          = 100
)

// readPace keeps the reads of this process below these rates. If several
// processes together exceed a quota, Google says so and they come again.
type readPace struct {
	messages, members, spaces *rate.Limiter

	mu       sync.Mutex
	perSpace map[string]*rate.Limiter
}

func newReadPace() *readPace {
	project := func() *rate.Limiter { return rate.NewLimiter(readsPerSecond, readsBurst) }
	return &readPace{
		messages: project(), members: project(), spaces: project(),
		perSpace: map[string]*rate.Limiter{},
	}
}

// wait waits until a read of the kind is within the quotas of space and project.
func (p *readPace) wait(ctx context.Context, kind *rate.Limiter, space string) error {
	if err := p.inSpace(space, time.Now()).Wait(ctx); err != nil {
		return err
	}
	return kind.Wait(ctx)
}

// maxSpaces bounds how many limiters are kept. Beyond it, those of spaces that
// were not read lately go, which have all their tokens again anyway.
const maxSpaces = 10_000

func (p *readPace) inSpace(space string, now time.Time) *rate.Limiter {
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
