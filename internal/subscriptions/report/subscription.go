package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Row is one subscription as it is printed. In JSON and YAML,
// fields that aren't known are left out.
type Row struct {
	Scope            string    `json:"scope,omitempty"` // spaces/S, spaces/-, users/U or customers/C
	DisplayName      string    `json:"display_name,omitempty"`
	Outcome          string    `json:"outcome,omitempty"` // of what changes it
	Subscription     string    `json:"subscription,omitempty"`
	UID              string    `json:"uid,omitempty"`
	Target           string    `json:"target,omitempty"`
	State            string    `json:"state,omitempty"`
	SuspensionReason string    `json:"suspension_reason,omitempty"`
	Topic            string    `json:"topic,omitempty"`
	EventTypes       []string  `json:"event_types,omitempty"`
	IncludeResource  *bool     `json:"include_resource,omitempty"`
	FieldMask        string    `json:"field_mask,omitempty"`
	CreateTime       time.Time `json:"create_time,omitzero"`
	ExpireTime       time.Time `json:"expire_time,omitzero"`
	Error            string    `json:"error,omitempty"`

	Left time.Duration `json:"-"` // until ExpireTime
}

// RowOf describes a subscription of the scope; s is nil if there is none.
func RowOf(scope, name string, s *subscriptions.Subscription, now time.Time) Row {
	r := Row{Scope: scope, DisplayName: name}
	if s == nil {
		return r
	}
	r.Subscription, r.UID, r.Target, r.Topic = s.Name, s.UID, s.Target, s.Topic
	r.EventTypes, r.IncludeResource, r.FieldMask = s.EventTypes, &s.IncludeResource, s.FieldMask
	r.State, r.SuspensionReason = string(s.State), s.SuspensionReason
	if r.CreateTime, r.ExpireTime = s.CreateTime, s.ExpireTime; !r.ExpireTime.IsZero() {
		r.Left = r.ExpireTime.Sub(now)
	}
	return r
}

// ResultRow describes how an action ended.
func ResultRow(r subscriptions.Result, names map[string]string, now time.Time) Row {
	s := r.Subscription
	if r.Outcome == subscriptions.Pruned && s != nil {
		s = &subscriptions.Subscription{Name: s.Name, Target: s.Target}
	}
	row := RowOf(r.Scope, names[r.Scope], s, now)
	row.Outcome = string(r.Outcome)
	if row.State == "" { // nothing of it is left
		row.IncludeResource = nil
	}
	if r.Err != nil {
		row.Error = r.Err.Error()
	}
	return row
}

// Columns are those of a table of subscriptions.
func Columns() []cli.Column[Row] {
	type r = Row
	return []cli.Column[r]{
		{Title: "TARGET", Value: func(r r) string { return r.Scope }},
		{Title: "NAME", Value: func(r r) string { return r.DisplayName }},
		{Title: "OUTCOME", Value: func(r r) string { return r.Outcome }, Paint: func(r r) cli.Colour { return PaintOutcome(r.Outcome) }},
		{Title: "STATE", Value: stateText, Paint: func(r r) cli.Colour { return paintState(r.State) }},
		{Title: "EVENTS", Value: func(r r) string { return subscriptions.TypesText(r.EventTypes) }},
		{Title: "CONTENT", Value: contentText},
		{Title: "EXPIRES", Value: expiresText},
		{Title: "AT", Wide: true, Value: func(r r) string { return timeText(r.ExpireTime) }},
		{Title: "TOPIC", Wide: true, Value: func(r r) string { return r.Topic }},
		{Title: "SUBSCRIPTION", Wide: true, Value: func(r r) string { return r.Subscription }},
	}
}

func stateText(r Row) string {
	if r.SuspensionReason != "" {
		return r.State + " (" + r.SuspensionReason + ")"
	}
	return r.State
}

func expiresText(r Row) string {
	if r.ExpireTime.IsZero() {
		return ""
	}
	return "in " + cli.ShortDuration(r.Left)
}

func contentText(r Row) string {
	switch {
	case r.IncludeResource == nil:
		return ""
	case *r.IncludeResource:
		return "yes"
	}
	return "names only"
}

func paintState(state string) cli.Colour {
	if state == string(subscriptions.StateActive) {
		return cli.Green
	}
	return cli.Red
}

// PaintOutcome is the colour of an outcome.
func PaintOutcome(outcome string) cli.Colour {
	switch subscriptions.Outcome(outcome) {
	case subscriptions.Failed:
		return cli.Red
	case subscriptions.Unchanged, subscriptions.Left:
		return cli.Faint
	}
	return cli.Green
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// OutcomeText counts the outcomes, in the order of their severity.
func OutcomeText(count map[subscriptions.Outcome]int) string {
	var parts []string
	for _, o := range []subscriptions.Outcome{
		subscriptions.Created, subscriptions.Adopted, subscriptions.Updated, subscriptions.Replaced,
		subscriptions.Reactivated, subscriptions.Pruned, subscriptions.Unchanged, subscriptions.Failed,
	} {
		if count[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[o], o))
		}
	}
	if n := count[subscriptions.Left]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not configured and kept", n))
	}
	if len(parts) == 0 || len(count) == 1 && count[subscriptions.Unchanged] > 0 {
		return Summary{Unchanged: count[subscriptions.Unchanged]}.String()
	}
	return strings.Join(parts, ", ")
}
