package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Status is the status as it is printed.
type Status struct {
	Version       int         `json:"version"`
	Time          time.Time   `json:"time"`             // by Google's clock
	SeenAt        time.Time   `json:"seen_at,omitzero"` // when the keeper saw the subscriptions; left out if Google was asked now
	Healthy       bool        `json:"healthy"`
	Unhealthy     []string    `json:"problems,omitempty"` // why not, and what to do
	Subscriptions []StatusRow `json:"subscriptions"`
	Worker        *Worker     `json:"worker,omitempty"` // left out without a database

	asked string // why Google was asked; "" if it should be
}

const statusVersion = 1

// StatusRow is one subscription of a status.
type StatusRow struct {
	Row
	Health      string    `json:"health"`
	Reason      string    `json:"reason,omitempty"`
	LastEvent   time.Time `json:"last_event,omitzero"`
	Events24h   *int      `json:"events_24h,omitempty"`
	Coverage24h *float64  `json:"coverage_24h,omitempty"` // share, 0 to 1, of what was to be seen
	Gaps        []Gap     `json:"gaps,omitempty"`         // that aren't filled

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

// Gap is a time in which nothing of a scope was seen.
type Gap struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero"` // left out while it goes on
	Cause  string    `json:"cause"`
	State  string    `json:"state"` // open, pending or impossible
	Detail string    `json:"detail,omitempty"`
}

// Worker is what is known of the worker.
type Worker struct {
	Heartbeat time.Time `json:"beat,omitzero"`
	LagP95    *float64  `json:"lag_p95_seconds,omitempty"` // of the last hour
	Watched   int       `json:"watched_spaces"`            // known to its keeper
	Unlisted  int       `json:"unlisted_spaces"`           // those of them whose members were never listed
}

// lateHeartbeat is how long after its last heartbeat a worker is missed: it saves
// one a minute.
const lateHeartbeat = 5 * time.Minute

// NewStatus judges each subscription by what a plan would do about it. recorded
// is nil without a database.
func NewStatus(now time.Time, names map[string]string, actions []subscriptions.Action, recorded *Recorded) *Status {
	d := &Status{Version: statusVersion, Time: now.Truncate(time.Second), Subscriptions: []StatusRow{}}
	for _, a := range actions {
		r := StatusRow{Row: RowOf(a.Desired.Scope, names[a.Desired.Scope], a.Actual, now)}
		recorded.fill(&r, now)
		r.Health, r.Reason = healthOf(a, r.Left, recorded.granted(a))
		if remedy := remedyOf(a, r.Health); remedy != "" {
			d.Unhealthy = append(d.Unhealthy, fmt.Sprintf("%s: %s: %s", r.Scope, r.Reason, remedy))
		}
		d.Subscriptions = append(d.Subscriptions, r)
	}
	if recorded != nil {
		d.Worker = recorded.worker()
		if recorded.heartbeat.IsZero() || now.Sub(recorded.heartbeat) > lateHeartbeat {
			d.Unhealthy = append(d.Unhealthy, "no worker has sent a heartbeat lately: subscriber run records the events and keeps the subscriptions alive")
		}
	}
	d.Healthy = len(d.Unhealthy) == 0
	return d
}

// Sight says how the subscriptions are known: seen by the keeper, which looks
// every interval, or, if that never has, asked of Google, for the reason why.
func (d *Status) Sight(seen subscriptions.Seen, why string, interval time.Duration) {
	d.SeenAt, d.asked = seen.At, why
	if seen.At.IsZero() || !seen.Late(d.Time, interval) {
		return
	}
	d.Healthy = false
	d.Unhealthy = append(d.Unhealthy, fmt.Sprintf(
		"the keeper last saw the subscriptions %s ago, and looks every %s: subscriber run keeps them, and its log says what is in the way; --fresh asks Google",
		cli.ShortDuration(d.Time.Sub(seen.At)), cli.ShortDuration(interval)))
}

// SightText says how subscriptions are known.
func SightText(seenAt time.Time, why string, now time.Time) string {
	switch {
	case !seenAt.IsZero():
		return fmt.Sprintf("seen %s ago by the keeper; --fresh asks Google", cli.ShortDuration(max(now.Sub(seenAt), 0)))
	case why != "":
		return "asked of Google now: " + why
	}
	return "asked of Google now"
}

// Lack says that the database can't be used, so that what it knows is left out.
func (d *Status) Lack(why error) {
	d.Unhealthy = append(d.Unhealthy, fmt.Sprintf("what is recorded isn't shown: %s", why))
	d.Healthy = false
}

// healthOf takes how long the subscription still lives, and in granted how long
// it lives from one renewal on, 0 if that isn't known.
func healthOf(a subscriptions.Action, left, granted time.Duration) (health, reason string) {
	switch a.Kind {
	case subscriptions.Create:
		return healthMissing, a.Reason
	case subscriptions.Update, subscriptions.Replace:
		if why := "suspended for " + a.Actual.SuspensionReason; a.Actual.State == subscriptions.StateSuspended { // it delivers nothing
			if strings.HasPrefix(a.Reason, why) {
				return healthSuspended, a.Reason
			}
			return healthSuspended, why + "; " + a.Reason
		}
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
		if a.Kind == subscriptions.Replace {
			return "subscribe-setup apply"
		}
		if a.Reason == "RESOURCE_DELETED" { // which nothing mends
			return a.Remedy
		}
		return a.Remedy + "; then the worker ends it, or by hand: subscribe-setup reactivate " + a.Desired.Scope
	case healthExpiring:
		return "subscriber run renews it; by hand: subscribe-setup renew " + a.Desired.Scope
	}
	return ""
}
