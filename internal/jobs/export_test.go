package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river/rivertype"
)

// NewRiverLog is how River's lines get into our log.
var NewRiverLog = newRiverLog

// NextAfter says when a job of every interval comes after now.
func NextAfter(interval time.Duration, now time.Time) time.Time { return jittered(interval).Next(now) }

// NewDriver is River's driver with a clock.
var NewDriver = newDriver

// Attempt is an attempt in a queue.
func (p *Progress) Attempt(ctx context.Context, queue string, attempt func(context.Context) error) error {
	return p.work(ctx, &rivertype.JobRow{Queue: queue}, attempt)
}

// Since has nothing begun or ended since a time.
func (p *Progress) Since(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.queues {
		q.last = at
	}
}
