package subscriptions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

// Kind says what an action does.
type Kind string

const (
	Create     Kind = "create"     // there is no subscription for the target
	Update     Kind = "update"     // its event types differ
	Replace    Kind = "replace"    // something differs that can't be changed: it is deleted and created
	Renew      Kind = "renew"      // half of its lifetime has passed
	Reactivate Kind = "reactivate" // it is suspended
	Keep       Kind = "keep"       // it is as desired
	Wait       Kind = "wait"       // it failed lately, and is tried again later
	Refuse     Kind = "refuse"     // it differs in a way that only a person should change
	Orphan     Kind = "orphan"     // nobody desires it, and it is on our topic: it is kept
	Prune      Kind = "prune"      // an orphan that is to be deleted
)

// Mutates reports whether the action changes something at Google.
func (k Kind) Mutates() bool {
	switch k {
	case Create, Update, Replace, Renew, Reactivate, Prune:
		return true
	}
	return false
}

// Action is what to do for one desired subscription, or with an orphan.
type Action struct {
	Kind    Kind
	Desired Desired       // of an orphan, its scope alone
	Actual  *Subscription // nil if there is none
	Reason  string        // for people: what differs
	Remedy  string        // for Refuse and Wait: what a person has to do
}

// View is what a plan takes into account besides Google's list. The zero value
// suits a person who applies: nothing is renewed, and actions that failed
// before are tried again.
type View struct {
	Now   time.Time                             // by Google's clock
	Known map[string]coverage.SubscriptionState // as of the last pass, by target

	// Topic is ours. Subscriptions to it that nobody desires are orphans; those
	// to other topics are somebody else's. If it is "", there are no orphans.
	Topic string
	// Prune deletes orphans.
	Prune bool
	// Unattended refuses to replace: nobody has seen what would be lost, and
	// another environment may be using it.
	Unattended bool
}

// Plan compares the desired subscriptions with the actual ones. It returns one
// action for each desired one, in their order, and then one for each orphan.
func Plan(desired []Desired, actual []Subscription, view View) []Action {
	byTarget := make(map[string]*Subscription, len(actual))
	for i := range actual {
		if actual[i].State != StateDeleted {
			byTarget[sameTarget(actual[i].Target)] = &actual[i]
		}
	}
	actions := make([]Action, 0, len(desired))
	wanted := make(map[string]bool, len(desired))
	for _, d := range desired {
		key := sameTarget(d.Target())
		wanted[key] = true
		actions = append(actions, plan(d, byTarget[key], view))
	}
	if view.Topic == "" {
		return actions
	}
	for i := range actual {
		if s := &actual[i]; s.Topic == view.Topic && s.State != StateDeleted && !wanted[sameTarget(s.Target)] {
			actions = append(actions, orphan(s, view))
		}
	}
	return actions
}

func orphan(s *Subscription, view View) Action {
	a := Action{Kind: Orphan, Desired: Desired{Scope: s.Scope()}, Actual: s, Reason: "not in the configuration"}
	if view.Prune {
		a.Kind = Prune
	}
	return a
}

func plan(d Desired, actual *Subscription, view View) Action {
	a := Action{Desired: d, Actual: actual}
	known := view.Known[d.Target()]
	waits := view.Now.Before(known.NextTry)
	if actual == nil {
		a.Kind, a.Reason = Create, "no subscription yet"
		if waits {
			a.Kind, a.Reason, a.Remedy = Wait, known.Reason, known.Remedy
		}
		return a
	}
	added, removed := difference(d.EventTypes, actual.EventTypes), difference(actual.EventTypes, d.EventTypes)
	drift := drift(d, actual)
	switch {
	case drift != "" && view.Unattended:
		a.Kind, a.Reason, a.Remedy = Refuse, drift, "if nobody else needs it, subscribe-setup apply replaces it"
		if actual.SuspensionReason == userLostAccess {
			a.Remedy = suspensionCure(userLostAccess, d.Topic) + "; " + a.Remedy
		}
	case drift != "":
		a.Kind, a.Reason = Replace, drift
	case actual.State == StateSuspended:
		a.Kind, a.Reason, a.Remedy = Reactivate, actual.SuspensionReason, suspensionCure(actual.SuspensionReason, d.Topic)
		if waits {
			a.Kind, a.Remedy = Wait, cmp.Or(known.Remedy, a.Remedy)
		}
	case len(added)+len(removed) > 0:
		a.Kind, a.Reason = Update, changedTypes(added, removed)
	case view.due(actual, known):
		a.Kind, a.Reason = Renew, "half of its lifetime is over"
	default:
		a.Kind = Keep
	}
	return a
}

// drift says why a subscription has to be replaced; "" if it needn't be.
func drift(d Desired, actual *Subscription) string {
	switch {
	case actual.Topic != d.Topic:
		// Possibly another environment's: it would go deaf.
		return fmt.Sprintf("its events go to %s instead of %s, which can't be changed", actual.Topic, d.Topic)
	case actual.IncludeResource != d.IncludeResource:
		return fmt.Sprintf("it was created with include_resource: %v, which can't be changed", actual.IncludeResource)
	case actual.FieldMask != "":
		return fmt.Sprintf("its events leave fields out (field mask %q), which can't be changed", actual.FieldMask)
	case actual.State == StateSuspended && actual.SuspensionReason == userLostAccess:
		return "suspended for " + userLostAccess + ", from which Google never reactivates it"
	}
	return ""
}

// due reports whether half of the granted lifetime has passed. Google doesn't
// document how long it grants in every case, so it is measured. If somebody
// else changed the subscription, nobody knows when its lifetime was granted: it
// is renewed at once.
func (v View) due(s *Subscription, known coverage.SubscriptionState) bool {
	if v.Now.IsZero() || s.ExpireTime.IsZero() {
		return false
	}
	granted, ok := grantedAt(s, known)
	return !ok || !v.Now.Before(granted.Add(s.ExpireTime.Sub(granted)/2))
}

// untouched is how much later than createTime updateTime may be although nobody
// has changed the subscription: creating it takes a while.
const untouched = time.Minute

func grantedAt(s *Subscription, known coverage.SubscriptionState) (time.Time, bool) {
	switch {
	case !known.GrantedAt.IsZero() && same(known.CreateTime, s.CreateTime) && same(known.ExpireTime, s.ExpireTime):
		return known.GrantedAt, true
	case s.UpdateTime.Sub(s.CreateTime) < untouched:
		return s.CreateTime, true
	}
	return time.Time{}, false
}

// same compares times, one of which may come from the database.
func same(a, b time.Time) bool {
	return a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}

// difference lists what is in a and not in b.
func difference(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// TypesText sums event types up for people: "membership, message.created". If
// all types of a resource are listed, its name replaces them.
func TypesText(types []string) string {
	all, there := map[string]int{}, map[string]int{}
	for _, t := range config.AllEventTypes() {
		all[events.ResourceOf(t)]++
	}
	for _, t := range types {
		there[events.ResourceOf(t)]++
	}
	var parts []string
	for _, t := range types {
		part := events.ShortType(t)
		if k := events.ResourceOf(t); all[k] == there[k] {
			part = k
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// changedTypes is for people: "add reaction.created; drop space".
func changedTypes(added, removed []string) string {
	var parts []string
	if len(added) > 0 {
		parts = append(parts, "add "+TypesText(added))
	}
	if len(removed) > 0 {
		parts = append(parts, "drop "+TypesText(removed))
	}
	return strings.Join(parts, "; ")
}

const userLostAccess = "USER_AUTHORIZATION_FAILURE"

// suspensions lists the reasons of a suspension and what ends it (fact sheet
// §3.4).
func suspensions(topic string) [][2]string {
	return [][2]string{
		{"USER_SCOPE_REVOKED", "the authorizing user has to grant the scopes again"},
		{"APP_SCOPE_REVOKED", "an administrator has to approve the app's scopes again"},
		{"RESOURCE_DELETED", "the space is gone; take it out of the configuration"},
		{userLostAccess, "the authorizing user has lost access to the space"},
		{"APP_AUTHORIZATION_FAILURE", "add the Chat app to the space again"},
		{"ENDPOINT_PERMISSION_DENIED", grantPublisher(topic)},
		{"ENDPOINT_NOT_FOUND", createTopic(topic)},
		{"ENDPOINT_RESOURCE_EXHAUSTED", "raise the Pub/Sub quota of the project"},
	}
}

// suspensionCure says what ends a suspension for this reason.
func suspensionCure(reason, topic string) string {
	for _, s := range suspensions(topic) {
		if s[0] == reason {
			return s[1]
		}
	}
	return "the cause isn't stated; look at the topic's message storage policy"
}

// cures says what ends a suspension. Google shows one of its reasons, and lists
// all in the message by which it refuses to reactivate the subscription.
func cures(shown, message, name, topic string) string {
	var list []string
	for _, s := range suspensions(topic) {
		if !strings.Contains(message, s[0]) {
			continue
		}
		if s[0] == userLostAccess {
			s[1] += ", from which Google never reactivates it: subscribe-setup delete " + name + ", then apply"
		}
		list = append(list, s[1])
	}
	if len(list) == 0 {
		return suspensionCure(shown, topic)
	}
	return strings.Join(list, "; ")
}
