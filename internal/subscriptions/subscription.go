package subscriptions

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/api/workspaceevents/v1"
)

// State of a subscription, in Google's words.
type State string

const (
	StateActive    State = "ACTIVE"
	StateSuspended State = "SUSPENDED"
	StateDeleted   State = "DELETED"
)

// Subscription is a Workspace Events subscription as Google knows it.
type Subscription struct {
	Name             string // "subscriptions/S"
	Target           string // "//chat.googleapis.com/spaces/S", or another kind of resource
	Topic            string // "projects/P/topics/T"
	EventTypes       []string
	IncludeResource  bool
	FieldMask        string // which parts of the resource are included; "" for all
	State            State
	SuspensionReason string    // set while suspended; the first of possibly several
	ExpireTime       time.Time // when Google deletes it
	CreateTime       time.Time // a later one under the same name is another subscription
	UpdateTime       time.Time // of the last change, whoever made it
	UID              string
	Etag             string // changes with every change
}

// Scope is what is watched: "spaces/S", "spaces/-", "users/U" or
// "customers/C".
func (s *Subscription) Scope() string { return scopeOf(s.Target) }

func fromGoogle(in *workspaceevents.Subscription) (Subscription, error) {
	out := Subscription{
		Name:             in.Name,
		UID:              in.Uid,
		Etag:             in.Etag,
		Target:           in.TargetResource,
		EventTypes:       slices.Sorted(slices.Values(in.EventTypes)),
		State:            State(in.State),
		SuspensionReason: in.SuspensionReason,
	}
	if in.NotificationEndpoint != nil {
		out.Topic = in.NotificationEndpoint.PubsubTopic
	}
	if in.PayloadOptions != nil {
		out.IncludeResource, out.FieldMask = in.PayloadOptions.IncludeResource, in.PayloadOptions.FieldMask
	}
	var err error
	if out.ExpireTime, err = parseTime(in.ExpireTime); err != nil {
		return Subscription{}, fmt.Errorf("read expireTime of %s: %w", in.Name, err)
	}
	if out.UpdateTime, err = parseTime(in.UpdateTime); err != nil {
		return Subscription{}, fmt.Errorf("read updateTime of %s: %w", in.Name, err)
	}
	if out.CreateTime, err = parseTime(in.CreateTime); err != nil {
		return Subscription{}, fmt.Errorf("read createTime of %s: %w", in.Name, err)
	}
	return out, nil
}

// share lets two subscriptions hold what they have in common once: of
// thousands nearly all have the same event types and topic.
func (s *Subscription) share(other *Subscription) {
	if slices.Equal(s.EventTypes, other.EventTypes) {
		s.EventTypes = other.EventTypes
	}
	if s.Topic == other.Topic {
		s.Topic = other.Topic
	}
}

func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err
}
