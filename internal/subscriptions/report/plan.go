package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Plan is a plan of actions as it is printed and kept in a file.
type Plan struct {
	Version int         `json:"version"`
	Project string      `json:"project"`
	Topic   string      `json:"topic"`
	Time    time.Time   `json:"time"` // by Google's clock
	Actions []PlanRow   `json:"actions"`
	PubSub  []PubSubRow `json:"pubsub,omitempty"` // what differs there, if pubsub.manage is on
	Summary Summary     `json:"summary"`

	Validated  Validated `json:"validated"`
	Unfinished bool      `json:"unfinished,omitempty"` // Google hasn't agreed to all that it was to be asked
}

// Pending counts what apply would do.
func (d *Plan) Pending() int { return d.Summary.Pending() + d.Summary.PubSub }

// planVersion changes when a reader of the last version would misread this.
const planVersion = 1

// PlanRow is one action of a plan.
type PlanRow struct {
	Action      string             `json:"action"` // create, update, replace, reactivate, keep, orphan or prune
	Scope       string             `json:"scope"`
	DisplayName string             `json:"display_name,omitempty"`
	Reason      string             `json:"reason,omitempty"`
	Desired     *Desired           `json:"desired,omitempty"`   // not of orphans
	Actual      *Row               `json:"actual,omitempty"`    // what there is
	Validated   bool               `json:"validated,omitempty"` // Google has been asked
	Error       string             `json:"error,omitempty"`     // why Google would refuse it
	kind        subscriptions.Kind // the same as Action
}

// Desired is what the configuration asks of a subscription.
type Desired struct {
	Topic           string   `json:"topic"`
	EventTypes      []string `json:"event_types"`
	IncludeResource bool     `json:"include_resource"`
}

// Summary counts the actions of a plan.
type Summary struct {
	Create     int `json:"create"`
	Update     int `json:"update"`
	Replace    int `json:"replace"`
	Reactivate int `json:"reactivate"`
	Delete     int `json:"delete"`
	Orphans    int `json:"orphans"`
	Unchanged  int `json:"unchanged"`
	PubSub     int `json:"pubsub"` // of which apply mends so many
}

// NewPlan describes what the actions would do. names are those of spaces; mended
// is what apply would mend of Pub/Sub, and left what it leaves to a person.
func NewPlan(
	cfg config.Config, now time.Time, names map[string]string, actions []subscriptions.Action, mended, left []provision.Drift,
) *Plan {
	d := &Plan{
		Version: planVersion, Project: cfg.Project, Topic: cfg.TopicName(),
		Time: now.Truncate(time.Second), Actions: []PlanRow{}, PubSub: PubSubRows(mended, left), Summary: Summary{PubSub: len(mended)},
	}
	for _, a := range actions {
		r := PlanRow{
			Action: string(a.Kind), kind: a.Kind, Scope: a.Desired.Scope,
			DisplayName: names[a.Desired.Scope], Reason: a.Reason,
		}
		if a.Desired.Topic != "" {
			r.Desired = &Desired{a.Desired.Topic, a.Desired.EventTypes, a.Desired.IncludeResource}
		}
		if a.Actual != nil {
			row := RowOf("", "", a.Actual, now)
			r.Actual = &row
		}
		d.Actions = append(d.Actions, r)
		d.Summary.count(a.Kind)
	}
	return d
}

func (s *Summary) count(k subscriptions.Kind) {
	switch k {
	case subscriptions.Create:
		s.Create++
	case subscriptions.Update:
		s.Update++
	case subscriptions.Replace:
		s.Replace++
	case subscriptions.Reactivate:
		s.Reactivate++
	case subscriptions.Prune:
		s.Delete++
	case subscriptions.Orphan:
		s.Orphans++
	default:
		s.Unchanged++
	}
}

// Pending counts the actions that change something at Google.
func (s Summary) Pending() int { return s.Create + s.Update + s.Replace + s.Reactivate + s.Delete }

func (s Summary) String() string {
	if s.Pending()+s.PubSub+s.Orphans == 0 {
		return fmt.Sprintf("Nothing to do: %s as configured.", subscriptionsAre(s.Unchanged))
	}
	parts := []string{fmt.Sprintf("%d to add", s.Create), fmt.Sprintf("%d to change", s.Update)}
	for _, p := range []struct {
		n    int
		what string
	}{{s.Replace, "to replace"}, {s.Reactivate, "to reactivate"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	parts = append(parts, fmt.Sprintf("%d to delete", s.Delete))
	if s.Orphans > 0 {
		parts = append(parts, fmt.Sprintf("%d not configured and kept", s.Orphans))
	}
	if s.PubSub > 0 {
		parts = append(parts, fmt.Sprintf("%d to mend of Pub/Sub", s.PubSub))
	}
	return fmt.Sprintf("Plan: %s; %d unchanged.", strings.Join(parts, ", "), s.Unchanged)
}

func subscriptionsAre(n int) string {
	if n == 1 {
		return "1 subscription is"
	}
	return fmt.Sprintf("%d subscriptions are", n)
}
