package quota

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	maxBackoff = 32 * time.Second
	// patience is how long a call waits because Google says so. What takes longer
	// fails at once, without asking again, until that time.
	patience = time.Minute
)

// Quota is a number of calls within any span of time.
type Quota struct {
	opts  Options
	name  string
	limit int
	span  time.Duration

	mu       sync.Mutex
	begun    []time.Time // the last calls, limit of them at most, oldest first; some are still to come
	until    time.Time   // Google has asked to wait so long
	said     error       // in these words, if it said how long
	refusals int         // rounds of them without a success in between
}

// Wait waits until another call is within the quota, and counts it. It returns
// Google's refusal at once if that asked to wait for longer than a minute.
func (q *Quota) Wait(ctx context.Context) error {
	d, err := q.reserve()
	if err != nil || d <= 0 {
		return err
	}
	return q.opts.Wait(ctx, d)
}

func (q *Quota) reserve() (time.Duration, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	at := now
	if d := q.until.Sub(now); d > 0 {
		if q.said != nil && d > patience {
			return 0, q.said
		}
		at = q.until
	}
	if n := len(q.begun); n == q.limit {
		if room := q.begun[0].Add(q.span); room.After(at) {
			at = room
		}
		q.begun = append(q.begun[:0], q.begun[1:]...)
	}
	q.begun = append(q.begun, at)
	return at.Sub(now), nil
}

// Refused notes that Google said that the quota is used up, and to come back after
// so long, if that isn't 0. said is what Wait then returns where that is too long.
func (q *Quota) Refused(after time.Duration, said error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	switch {
	case after > 0:
		q.hold(after, said)
	case now.Before(q.until):
		return // a call that was under way when another was refused
	default:
		pause := min(q.opts.Backoff<<min(q.refusals, 10), maxBackoff)
		q.until, q.said = now.Add(pause+rand.N(pause/4+1)), nil
	}
	if q.refusals++; q.refusals == 1 {
		q.opts.Log.Warn("quota used up, by another process too; waiting until there is room", zap.String("quota", q.name))
	}
}

// Hold lets no call through for so long, whatever the reason. said is what Wait
// then returns where that is too long.
func (q *Quota) Hold(after time.Duration, said error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hold(after, said)
}

func (q *Quota) hold(after time.Duration, said error) {
	if until := q.opts.Now().Add(after); until.After(q.until) {
		q.until, q.said = until, said
	}
}

// Answered notes that a call went through.
func (q *Quota) Answered() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refusals > 0 && !q.opts.Now().Before(q.until) {
		q.refusals = 0
		q.opts.Log.Info("quota has room again", zap.String("quota", q.name))
	}
}
