package report

import (
	"context"
	"math"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Recorded is what the database knows of the subscriptions and the worker.
type Recorded struct {
	states    map[string]coverage.SubscriptionState // by target
	coverage  map[string]coverage.Covered           // by scope, of 24 hours
	activity  map[string]coverage.Activity          // by space
	gaps      map[string][]coverage.Gap             // by scope
	heartbeat time.Time
	lag       time.Duration
	hasLag    bool
	watched   int // spaces
	unlisted  int // those of them whose members were never listed
}

// ReadRecorded reads what happened before now.
func ReadRecorded(ctx context.Context, db *coverage.Coverage, now time.Time) (*Recorded, error) {
	out := &Recorded{states: map[string]coverage.SubscriptionState{}, gaps: map[string][]coverage.Gap{}}
	states, err := db.SubscriptionStates(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range states {
		out.states[one.Target] = one
	}
	day := now.Add(-24 * time.Hour)
	if out.coverage, err = db.Summary(ctx, day, now); err != nil {
		return nil, err
	}
	if out.activity, err = db.LastEvents(ctx, day); err != nil {
		return nil, err
	}
	gaps, err := db.Gaps(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gaps {
		if g.State == coverage.GapAcknowledged {
			continue // somebody knows
		}
		out.gaps[g.Scope] = append(out.gaps[g.Scope], g)
	}
	if out.heartbeat, err = db.LastHeartbeat(ctx); err != nil {
		return nil, err
	}
	if out.watched, out.unlisted, err = db.MemberLists(ctx); err != nil {
		return nil, err
	}
	out.lag, out.hasLag, err = db.Lag(ctx, now.Add(-time.Hour))
	return out, err
}

// fill adds what is recorded of the row's scope; nothing if r is nil.
func (r *Recorded) fill(row *StatusRow, now time.Time) {
	if r == nil {
		return
	}
	if !events.IsUser(row.Scope) { // whose events are recorded as those of spaces
		a := r.activityOf(row.Scope)
		row.Events24h, row.LastEvent, row.quiet = &a.Events, a.Last, now.Sub(a.Last)
	}
	if share, ok := r.coverage[row.Scope].Share(); ok {
		share = math.Floor(share*10_000) / 10_000 // 1 means that nothing is missing
		row.Coverage24h = &share
	}
	for _, g := range r.gaps[row.Scope] {
		row.Gaps = append(row.Gaps, Gap{g.From, g.To, g.Cause, g.State, g.Detail})
	}
}

// activityOf is that of a space, or of all where the scope is wide.
func (r *Recorded) activityOf(scope string) coverage.Activity {
	if events.IsSpace(scope) {
		return r.activity[scope]
	}
	var all coverage.Activity
	for _, a := range r.activity {
		all.Events += a.Events
		if a.Last.After(all.Last) {
			all.Last = a.Last
		}
	}
	return all
}

func (r *Recorded) granted(a subscriptions.Action) time.Duration {
	if r == nil || a.Actual == nil {
		return 0
	}
	known := r.states[a.Desired.Target()]
	if known.GrantedAt.IsZero() {
		return 0
	}
	return known.ExpireTime.Sub(known.GrantedAt)
}

func (r *Recorded) worker() *Worker {
	w := &Worker{Heartbeat: r.heartbeat, Watched: r.watched, Unlisted: r.unlisted}
	if r.hasLag {
		seconds := r.lag.Seconds()
		w.LagP95 = &seconds
	}
	return w
}
