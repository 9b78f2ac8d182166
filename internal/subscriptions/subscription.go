package subscriptions

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

const spaceTarget = "//chat.googleapis.com/"

// Desired is one subscription that should exist.
type Desired struct {
	Space           string   // "spaces/S"
	Topic           string   // "projects/P/topics/T"
	EventTypes      []string // full names; single forms only
	IncludeResource bool
}

func (d Desired) target() string { return spaceTarget + d.Space }

// DesiredFrom lists the subscriptions that a configuration asks for.
func DesiredFrom(cfg config.Config) []Desired {
	var list []Desired
	for _, space := range cfg.Workspace.Spaces {
		list = append(list, Desired{
			Space:           space,
			Topic:           cfg.TopicName(),
			EventTypes:      cfg.Workspace.EventTypes,
			IncludeResource: cfg.Workspace.IncludeResource,
		})
	}
	return list
}

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
}

// Space is the watched space, "spaces/S", or "" if the target is something else.
func (s *Subscription) Space() string {
	space, _ := strings.CutPrefix(s.Target, spaceTarget)
	if !strings.HasPrefix(space, "spaces/") {
		return ""
	}
	return space
}

// scopeOf is the short name of a target: "spaces/S" of a space.
func scopeOf(target string) string {
	rest, _ := strings.CutPrefix(target, "//")
	_, scope, _ := strings.Cut(rest, "/")
	return scope
}

func fromGoogle(in *workspaceevents.Subscription) (Subscription, error) {
	out := Subscription{
		Name:             in.Name,
		UID:              in.Uid,
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

func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err
}

// toGoogle is the body of a create call. No ttl: Google then grants the
// longest lifetime that it allows (fact sheet §3.3).
func (d Desired) toGoogle() *workspaceevents.Subscription {
	return &workspaceevents.Subscription{
		TargetResource:       d.target(),
		EventTypes:           d.EventTypes,
		NotificationEndpoint: &workspaceevents.NotificationEndpoint{PubsubTopic: d.Topic},
		PayloadOptions: &workspaceevents.PayloadOptions{
			IncludeResource: d.IncludeResource,
			ForceSendFields: []string{"IncludeResource"}, // false would be dropped from the JSON
		},
	}
}
