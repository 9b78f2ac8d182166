package events

import "strings"

const (
	chatPrefix      = "google.workspace.chat."
	lifecyclePrefix = "google.workspace.events.subscription.v1."
)

// form is what a documented event type says of its payload.
type form struct {
	kind     Kind
	verb     Verb
	resource string // the key that holds the resource
	batch    string // the key that holds an array of such objects; "" for a single event
}

// formOf returns the form of a documented event type (fact sheet §1.1, §3.5).
// Other combinations of the same words are not documented, and so unknown.
func formOf(ceType string) (form, bool) {
	if verb, ok := strings.CutPrefix(ceType, lifecyclePrefix); ok {
		switch verb {
		case "suspended":
			return form{KindSubscription, VerbSuspended, "subscription", ""}, true
		case "expirationReminder":
			return form{KindSubscription, VerbExpirationReminder, "subscription", ""}, true
		case "expired":
			return form{KindSubscription, VerbExpired, "subscription", ""}, true
		}
		return form{}, false
	}
	name, ok := strings.CutPrefix(ceType, chatPrefix)
	if !ok {
		return form{}, false
	}
	switch name {
	case "message.v1.created":
		return form{KindMessage, VerbCreated, "message", ""}, true
	case "message.v1.updated":
		return form{KindMessage, VerbUpdated, "message", ""}, true
	case "message.v1.deleted":
		return form{KindMessage, VerbDeleted, "message", ""}, true
	case "message.v1.batchCreated":
		return form{KindMessage, VerbCreated, "message", "messages"}, true
	case "message.v1.batchUpdated":
		return form{KindMessage, VerbUpdated, "message", "messages"}, true
	case "message.v1.batchDeleted":
		return form{KindMessage, VerbDeleted, "message", "messages"}, true

	case "membership.v1.created":
		return form{KindMembership, VerbCreated, "membership", ""}, true
	case "membership.v1.updated":
		return form{KindMembership, VerbUpdated, "membership", ""}, true
	case "membership.v1.deleted":
		return form{KindMembership, VerbDeleted, "membership", ""}, true
	case "membership.v1.batchCreated":
		return form{KindMembership, VerbCreated, "membership", "memberships"}, true
	case "membership.v1.batchUpdated":
		return form{KindMembership, VerbUpdated, "membership", "memberships"}, true
	case "membership.v1.batchDeleted":
		return form{KindMembership, VerbDeleted, "membership", "memberships"}, true

	case "reaction.v1.created":
		return form{KindReaction, VerbCreated, "reaction", ""}, true
	case "reaction.v1.deleted":
		return form{KindReaction, VerbDeleted, "reaction", ""}, true
	case "reaction.v1.batchCreated":
		return form{KindReaction, VerbCreated, "reaction", "reactions"}, true
	case "reaction.v1.batchDeleted":
		return form{KindReaction, VerbDeleted, "reaction", "reactions"}, true

	case "space.v1.updated":
		return form{KindSpace, VerbUpdated, "space", ""}, true
	case "space.v1.deleted":
		return form{KindSpace, VerbDeleted, "space", ""}, true
	case "space.v1.batchUpdated":
		return form{KindSpace, VerbUpdated, "space", "spaces"}, true

	// Since mid-2026. The keys of the last two are inferred from the first's.
	case "spaceReadState.v1.updated":
		return form{KindSpaceReadState, VerbUpdated, "spaceReadState", ""}, true
	case "spaceReadState.v1.batchUpdated":
		return form{KindSpaceReadState, VerbUpdated, "spaceReadState", "spaceReadStates"}, true
	case "threadReadState.v1.updated":
		return form{KindThreadReadState, VerbUpdated, "threadReadState", ""}, true
	case "threadReadState.v1.batchUpdated":
		return form{KindThreadReadState, VerbUpdated, "threadReadState", "threadReadStates"}, true
	case "availability.v1.updated":
		return form{KindAvailability, VerbUpdated, "availability", ""}, true
	}
	return form{}, false
}
