package subscriptions

import (
	"slices"
	"strings"

	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// services are those that own the kinds of target, by the first part of a
// scope (fact sheet §1.2).
var services = map[string]string{
	"spaces":    "//chat.googleapis.com/",
	"users":     "//cloudidentity.googleapis.com/",
	"customers": "//admin.googleapis.com/",
}

// TargetOf is the full resource name of a scope: of "spaces/S", "spaces/-",
// "users/U" or "customers/C".
func TargetOf(scope string) string {
	kind, _, _ := strings.Cut(scope, "/")
	return services[kind] + scope
}

// scopeOf is the short name of a target: "spaces/S" of a space.
func scopeOf(target string) string {
	rest, _ := strings.CutPrefix(target, "//")
	_, scope, _ := strings.Cut(rest, "/")
	return scope
}

// sameTarget is a key by which two names of one target are equal: an app
// has one customer, which is called my_customer as well.
func sameTarget(target string) string {
	if strings.HasPrefix(target, services["customers"]) {
		return services["customers"]
	}
	return target
}

// Desired is one subscription that should exist.
type Desired struct {
	Scope           string   // what to watch: "spaces/S", "spaces/-", "users/U" or "customers/C"
	Topic           string   // "projects/P/topics/T"
	EventTypes      []string // full names; single forms only
	IncludeResource bool
}

// Target is the full resource name of what to watch.
func (d Desired) Target() string { return TargetOf(d.Scope) }

// DesiredFrom lists the subscriptions that a configuration asks for by
// name. A [Resolver] also finds those that it asks for by a pattern.
func DesiredFrom(cfg config.Config) []Desired {
	var list []Desired
	for _, t := range cfg.Workspace.All() {
		if t.Kind() != config.KindName {
			list = append(list, desire(cfg, t, t.Target))
		}
	}
	return list
}

// desire is what a target of the configuration asks for in one scope.
func desire(cfg config.Config, t config.Target, scope string) Desired {
	return Desired{
		Scope:           scope,
		Topic:           cfg.TopicName(),
		EventTypes:      slices.Sorted(slices.Values(t.EventTypes)),
		IncludeResource: *t.IncludeResource, // All fills it in
	}
}

// toGoogle is the body of a create call. No ttl: Google then grants the
// longest lifetime that it allows (fact sheet §3.3).
func (d Desired) toGoogle() *workspaceevents.Subscription {
	return &workspaceevents.Subscription{
		TargetResource:       d.Target(),
		EventTypes:           d.EventTypes,
		NotificationEndpoint: &workspaceevents.NotificationEndpoint{PubsubTopic: d.Topic},
		PayloadOptions: &workspaceevents.PayloadOptions{
			IncludeResource: d.IncludeResource,
			ForceSendFields: []string{"IncludeResource"}, // false would be dropped from the JSON
		},
	}
}
