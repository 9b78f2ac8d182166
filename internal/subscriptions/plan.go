package subscriptions

import (
	"fmt"
	"slices"
)

// Kind says what an action does.
type Kind string

const (
	Create Kind = "create" // there is no subscription for the space
	Update Kind = "update" // its event types differ
	Keep   Kind = "keep"   // it is as it should be
	Refuse Kind = "refuse" // it is wrong in a way that only a person should mend
)

// Action is what one desired subscription needs.
type Action struct {
	Kind    Kind
	Desired Desired
	Actual  *Subscription // nil for Create
	Reason  string        // for people: what differs, and for Refuse what to do
}

// Plan compares what should be with what is, and answers with one action for
// each of desired, in its order. Subscriptions that nobody desires are left out: they
// may belong to someone else.
func Plan(desired []Desired, actual []Subscription) []Action {
	bySpace := map[string]*Subscription{}
	for i := range actual {
		if space := actual[i].Space(); space != "" && actual[i].State != StateDeleted {
			bySpace[space] = &actual[i]
		}
	}
	var actions []Action
	for _, d := range desired {
		actions = append(actions, plan(d, bySpace[d.Space]))
	}
	return actions
}

func plan(d Desired, actual *Subscription) Action {
	a := Action{Desired: d, Actual: actual}
	if actual == nil {
		a.Kind, a.Reason = Create, "no subscription yet"
		return a
	}
	replace := fmt.Sprintf("if nobody else needs it: subscribe-setup delete %s, then apply", d.Space)
	switch {
	case actual.Topic != d.Topic:
		// Possibly another environment's: it would go deaf.
		a.Kind, a.Reason = Refuse, fmt.Sprintf("its events go to %s instead of %s, which can't be changed; %s", actual.Topic, d.Topic, replace)
	case actual.IncludeResource != d.IncludeResource:
		a.Kind, a.Reason = Refuse, fmt.Sprintf("it was created with include_resource: %v, which can't be changed; %s", actual.IncludeResource, replace)
	case actual.FieldMask != "":
		a.Kind, a.Reason = Refuse, fmt.Sprintf("its events leave fields out (field mask %q), which can't be changed; %s", actual.FieldMask, replace)
	case actual.State == StateSuspended:
		a.Kind, a.Reason = Refuse, fmt.Sprintf("Google has suspended it (%s: %s); then: subscribe-setup delete %s, and apply",
			actual.SuspensionReason, suspensionCure(actual.SuspensionReason, d.Topic), d.Space)
	default:
		added, removed := difference(d.EventTypes, actual.EventTypes), difference(actual.EventTypes, d.EventTypes)
		if len(added)+len(removed) == 0 {
			a.Kind = Keep
			return a
		}
		a.Kind, a.Reason = Update, fmt.Sprintf("event types: %d to add, %d to remove", len(added), len(removed))
	}
	return a
}

// difference lists what is in a and not in b.
func difference(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// suspensionCure says what ends a suspension (fact sheet §3.4).
func suspensionCure(reason, topic string) string {
	switch reason {
	case "USER_SCOPE_REVOKED":
		return "the authorizing user has to grant the scopes again"
	case "APP_SCOPE_REVOKED":
		return "an administrator has to approve the app's scopes again"
	case "RESOURCE_DELETED":
		return "the space is gone; take it out of the configuration"
	case "USER_AUTHORIZATION_FAILURE":
		return "the authorizing user has lost access to the space"
	case "APP_AUTHORIZATION_FAILURE":
		return "add the Chat app to the space again"
	case "ENDPOINT_PERMISSION_DENIED":
		return grantPublisher(topic)
	case "ENDPOINT_NOT_FOUND":
		return createTopic(topic)
	case "ENDPOINT_RESOURCE_EXHAUSTED":
		return "raise the Pub/Sub quota of the project"
	}
	return "the cause isn't stated; look at the topic's message storage policy"
}
