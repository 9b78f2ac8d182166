package main

import (
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// subscriptionRow is one subscription as it is printed. In JSON and YAML,
// fields that aren't known are left out.
type subscriptionRow struct {
	Scope            string     `json:"scope,omitempty"` // spaces/S, spaces/-, users/U or customers/C
	DisplayName      string     `json:"display_name,omitempty"`
	Outcome          string     `json:"outcome,omitempty"` // of what changes it
	Subscription     string     `json:"subscription,omitempty"`
	UID              string     `json:"uid,omitempty"`
	Target           string     `json:"target,omitempty"`
	State            string     `json:"state,omitempty"`
	SuspensionReason string     `json:"suspension_reason,omitempty"`
	Topic            string     `json:"topic,omitempty"`
	EventTypes       []string   `json:"event_types,omitempty"`
	IncludeResource  *bool      `json:"include_resource,omitempty"`
	FieldMask        string     `json:"field_mask,omitempty"`
	CreateTime       *time.Time `json:"create_time,omitempty"`
	ExpireTime       *time.Time `json:"expire_time,omitempty"`
	Error            string     `json:"error,omitempty"`

	left time.Duration // until ExpireTime
}

// rowOf describes a subscription of the scope; s is nil if there is none.
func rowOf(scope, name string, s *subscriptions.Subscription, now time.Time) subscriptionRow {
	r := subscriptionRow{Scope: scope, DisplayName: name}
	if s == nil {
		return r
	}
	r.Subscription, r.UID, r.Target, r.Topic = s.Name, s.UID, s.Target, s.Topic
	r.EventTypes, r.IncludeResource, r.FieldMask = s.EventTypes, &s.IncludeResource, s.FieldMask
	r.State, r.SuspensionReason = string(s.State), s.SuspensionReason
	if !s.CreateTime.IsZero() {
		r.CreateTime = &s.CreateTime
	}
	if !s.ExpireTime.IsZero() {
		r.ExpireTime, r.left = &s.ExpireTime, s.ExpireTime.Sub(now)
	}
	return r
}

// resultRow describes how an action ended.
func resultRow(r subscriptions.Result, names map[string]string, now time.Time) subscriptionRow {
	s := r.Subscription
	if r.Outcome == subscriptions.Pruned && s != nil {
		s = &subscriptions.Subscription{Name: s.Name, Target: s.Target}
	}
	row := rowOf(r.Scope, names[r.Scope], s, now)
	row.Outcome = string(r.Outcome)
	if row.State == "" { // nothing of it is left
		row.IncludeResource = nil
	}
	if r.Err != nil {
		row.Error = r.Err.Error()
	}
	return row
}

func subscriptionColumns() []cli.Column[subscriptionRow] {
	type r = subscriptionRow
	return []cli.Column[r]{
		{Title: "TARGET", Value: func(r r) string { return r.Scope }},
		{Title: "NAME", Value: func(r r) string { return r.DisplayName }},
		{Title: "OUTCOME", Value: func(r r) string { return r.Outcome }, Paint: func(r r) cli.Colour { return paintOutcome(r.Outcome) }},
		{Title: "STATE", Value: stateText, Paint: func(r r) cli.Colour { return paintState(r.State) }},
		{Title: "EVENTS", Value: func(r r) string { return subscriptions.TypesText(r.EventTypes) }},
		{Title: "CONTENT", Value: contentText},
		{Title: "EXPIRES", Value: func(r r) string {
			if r.ExpireTime == nil {
				return ""
			}
			return "in " + cli.ShortDuration(r.left)
		}},
		{Title: "AT", Wide: true, Value: func(r r) string { return timeText(r.ExpireTime) }},
		{Title: "TOPIC", Wide: true, Value: func(r r) string { return r.Topic }},
		{Title: "SUBSCRIPTION", Wide: true, Value: func(r r) string { return r.Subscription }},
	}
}

func stateText(r subscriptionRow) string {
	if r.SuspensionReason != "" {
		return r.State + " (" + r.SuspensionReason + ")"
	}
	return r.State
}

func contentText(r subscriptionRow) string {
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

func paintOutcome(outcome string) cli.Colour {
	switch subscriptions.Outcome(outcome) {
	case subscriptions.Failed:
		return cli.Red
	case subscriptions.Unchanged:
		return cli.Faint
	}
	return cli.Green
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}
