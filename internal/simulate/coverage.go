package simulate

import (
	"slices"
	"time"
)

// Interval is a time in which a subscription was ACTIVE: what happened in it
// was delivered.
type Interval struct {
	Subscription string // "subscriptions/S"
	UID          string
	Topic        string
	OtherOwner   bool      // not the caller's: see [Workspace.AddUnmanaged]
	From, To     time.Time // To is zero while it lasts
}

// Coverage lists the times in which the target had an ACTIVE subscription,
// in the order of their beginning.
func (w *Workspace) Coverage(target string) []Interval {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(w.state.now())
	return slices.Clone(w.subs.coverage[target])
}

// Uncovered is how long between the two times the target had no ACTIVE
// subscription of the caller's own.
func (w *Workspace) Uncovered(target string, from, to time.Time) time.Duration {
	uncovered, covered := time.Duration(0), from
	for _, i := range w.Coverage(target) {
		if i.OtherOwner || i.From.After(to) {
			continue
		}
		if i.From.After(covered) {
			uncovered += i.From.Sub(covered)
		}
		if i.To.IsZero() || i.To.After(to) {
			i.To = to
		}
		if i.To.After(covered) {
			covered = i.To
		}
	}
	if to.After(covered) {
		uncovered += to.Sub(covered)
	}
	return uncovered
}

// MaxLive is the greatest number of the caller's own subscriptions that were
// ACTIVE for the target at one time.
func (w *Workspace) MaxLive(target string) int {
	intervals := slices.DeleteFunc(w.Coverage(target), func(i Interval) bool { return i.OtherOwner })
	maximum := 0
	for _, one := range intervals {
		n := 0
		for _, other := range intervals {
			if !other.From.After(one.From) && (other.To.IsZero() || other.To.After(one.From)) {
				n++
			}
		}
		maximum = max(maximum, n)
	}
	return maximum
}

// goLive begins an interval.
func (reg *registry) goLive(s *subscription, at time.Time) {
	reg.coverage[s.target] = append(reg.coverage[s.target],
		Interval{Subscription: s.name, UID: s.uid, Topic: s.topic, OtherOwner: s.otherOwner, From: at})
}

// goDark ends the interval of the subscription, if one is open.
func (reg *registry) goDark(s *subscription, at time.Time) {
	intervals := reg.coverage[s.target]
	for n := len(intervals) - 1; n >= 0; n-- {
		if i := &intervals[n]; i.UID == s.uid && i.To.IsZero() {
			i.To = at
			if at.Before(i.From) { // deleted before it was made
				i.To = i.From
			}
			return
		}
	}
}
