package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

// statusDocument is the status as it is printed.
type statusDocument struct {
	Version       int         `json:"version"`
	Time          time.Time   `json:"time"` // by Google's clock
	Healthy       bool        `json:"healthy"`
	Problems      []string    `json:"problems,omitempty"` // why not, and what to do
	Subscriptions []statusRow `json:"subscriptions"`
	Worker        *workerRow  `json:"worker,omitempty"` // left out without a database
}

const statusVersion = 1

type statusRow struct {
	report.Row
	Health      string     `json:"health"`
	Reason      string     `json:"reason,omitempty"`
	LastEvent   *time.Time `json:"last_event,omitempty"`
	Events24h   *int       `json:"events_24h,omitempty"`
	Coverage24h *float64   `json:"coverage_24h,omitempty"` // share, 0 to 1, of what was to be seen
	Gaps        []gapRow   `json:"gaps,omitempty"`         // that aren't filled

	quiet time.Duration // since LastEvent
}

// What can be said of a subscription.
const (
	healthOK        = "ok"
	healthMissing   = "missing"
	healthSuspended = "suspended"
	healthDiffers   = "differs"  // from the configuration
	healthExpiring  = "expiring" // and nobody has renewed it in time
	healthOrphan    = "orphan"   // not configured
)

type gapRow struct {
	From   time.Time  `json:"from"`
	To     *time.Time `json:"to,omitempty"` // left out while it goes on
	Cause  string     `json:"cause"`
	State  string     `json:"state"` // open, pending or impossible
	Detail string     `json:"detail,omitempty"`
}

type workerRow struct {
	Heartbeat *time.Time `json:"beat,omitempty"`
	LagP95    *float64   `json:"lag_p95_seconds,omitempty"` // of the last hour
}

// lateHeartbeat is how long after its last heartbeat a worker is missed: it saves
// one a minute.
const lateHeartbeat = 5 * time.Minute

// status looks at Google and, if there is one, at the database.
func (s *session) status(ctx context.Context) (*statusDocument, error) {
	actions, err := s.plan(ctx, false)
	if err != nil {
		return nil, err
	}
	now := s.manager.Now()
	d := &statusDocument{Version: statusVersion, Time: now.Truncate(time.Second), Healthy: true, Subscriptions: []statusRow{}}
	names := s.directory.names(ctx)
	var seen *seen
	if s.hasDatabase() {
		if seen, err = s.see(ctx, now); err != nil {
			return nil, err
		}
	}
	for _, a := range actions {
		r := statusRow{Row: report.RowOf(a.Desired.Scope, names[a.Desired.Scope], a.Actual, now)}
		seen.fill(&r, now)
		r.Health, r.Reason = healthOf(a, r.Left, seen.granted(a))
		if remedy := remedyOf(a, r.Health); remedy != "" {
			d.Problems = append(d.Problems, fmt.Sprintf("%s: %s: %s", r.Scope, r.Reason, remedy))
		}
		d.Subscriptions = append(d.Subscriptions, r)
	}
	if seen != nil {
		d.Worker = seen.worker()
		if seen.heartbeat.IsZero() || now.Sub(seen.heartbeat) > lateHeartbeat {
			d.Problems = append(d.Problems, "no worker has been heard of lately: subscriber run records the events and keeps the subscriptions alive")
		}
	}
	d.Healthy = len(d.Problems) == 0
	return d, nil
}

// healthOf judges a subscription by what a plan would do about it. granted is
// how long it lives from one renewal on, 0 if that isn't known.
func healthOf(a subscriptions.Action, left, granted time.Duration) (health, reason string) {
	switch a.Kind {
	case subscriptions.Create:
		return healthMissing, a.Reason
	case subscriptions.Update, subscriptions.Replace:
		return healthDiffers, a.Reason
	case subscriptions.Reactivate:
		return healthSuspended, "suspended for " + a.Reason
	case subscriptions.Orphan:
		return healthOrphan, a.Reason
	}
	// The worker renews when half of the life is over.
	if left < granted/4 {
		return healthExpiring, "it ends in " + cli.ShortDuration(left) + " and should have been renewed"
	}
	return healthOK, ""
}

func remedyOf(a subscriptions.Action, health string) string {
	switch health {
	case healthMissing, healthDiffers:
		return "subscribe-setup apply"
	case healthSuspended:
		if a.Reason == "RESOURCE_DELETED" { // which nothing mends
			return a.Remedy
		}
		return a.Remedy + "; then the worker ends it, or by hand: subscribe-setup reactivate " + a.Desired.Scope
	case healthExpiring:
		return "subscriber run renews it; by hand: subscribe-setup renew " + a.Desired.Scope
	}
	return ""
}

// seen is what the database knows.
type seen struct {
	states    map[string]coverage.SubscriptionState // by target
	coverage  map[string]coverage.Covered           // by scope, of 24 hours
	activity  map[string]coverage.Activity          // by space
	gaps      map[string][]coverage.Gap             // by scope
	heartbeat time.Time
	lag       time.Duration
	hasLag    bool
}

func (s *session) see(ctx context.Context, now time.Time) (*seen, error) {
	db, err := s.coverage(ctx)
	if err != nil {
		return nil, err
	}
	out := &seen{states: map[string]coverage.SubscriptionState{}, gaps: map[string][]coverage.Gap{}}
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
		out.gaps[g.Scope] = append(out.gaps[g.Scope], g)
	}
	if out.heartbeat, err = db.LastHeartbeat(ctx); err != nil {
		return nil, err
	}
	out.lag, out.hasLag, err = db.Lag(ctx, now.Add(-time.Hour))
	return out, err
}

// fill adds what has been seen of the row's scope; nothing if s is nil.
func (s *seen) fill(r *statusRow, now time.Time) {
	if s == nil {
		return
	}
	if !events.IsUser(r.Scope) { // whose events are recorded as those of spaces
		a := s.activityOf(r.Scope)
		r.Events24h = &a.Events
		if !a.Last.IsZero() {
			r.LastEvent, r.quiet = &a.Last, now.Sub(a.Last)
		}
	}
	if share, ok := s.coverage[r.Scope].Share(); ok {
		share = math.Floor(share*10_000) / 10_000 // 1 means that nothing is missing
		r.Coverage24h = &share
	}
	for _, g := range s.gaps[r.Scope] {
		row := gapRow{From: g.From, Cause: g.Cause, State: g.State, Detail: g.Detail}
		if !g.To.IsZero() {
			row.To = &g.To
		}
		r.Gaps = append(r.Gaps, row)
	}
}

// activityOf is that of a space, or of all where the scope is wide.
func (s *seen) activityOf(scope string) coverage.Activity {
	if events.IsSpace(scope) {
		return s.activity[scope]
	}
	var all coverage.Activity
	for _, a := range s.activity {
		all.Events += a.Events
		if a.Last.After(all.Last) {
			all.Last = a.Last
		}
	}
	return all
}

func (s *seen) granted(a subscriptions.Action) time.Duration {
	if s == nil || a.Actual == nil {
		return 0
	}
	known := s.states[a.Desired.Target()]
	if known.GrantedAt.IsZero() {
		return 0
	}
	return known.ExpireTime.Sub(known.GrantedAt)
}

func (s *seen) worker() *workerRow {
	w := &workerRow{}
	if !s.heartbeat.IsZero() {
		w.Heartbeat = &s.heartbeat
	}
	if s.hasLag {
		seconds := s.lag.Seconds()
		w.LagP95 = &seconds
	}
	return w
}
