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
	for _, field := range []struct {
		name, text string
		to         *time.Time
	}{
		{"expireTime", in.ExpireTime, &out.ExpireTime},
		{"updateTime", in.UpdateTime, &out.UpdateTime},
		{"createTime", in.CreateTime, &out.CreateTime},
	} {
		if field.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, field.text)
		if err != nil {
			return Subscription{}, fmt.Errorf("read %s of %s: %w", field.name, in.Name, err)
		}
		*field.to = t.UTC()
	}
	return out, nil
}

// share lets two subscriptions share their event types and topic in memory:
// nearly all of thousands have the same.
func (s *Subscription) share(other *Subscription) {
	if slices.Equal(s.EventTypes, other.EventTypes) {
		s.EventTypes = other.EventTypes
	}
	if s.Topic == other.Topic {
		s.Topic = other.Topic
	}
}
