package events

import "time"

// Kind says what sort of resource an item is about.
type Kind string

const (
	KindMessage         Kind = "message"
	KindMembership      Kind = "membership"
	KindReaction        Kind = "reaction"
	KindSpace           Kind = "space"
	KindSpaceReadState  Kind = "space_read_state"
	KindThreadReadState Kind = "thread_read_state"
	KindAvailability    Kind = "availability"
	KindSubscription    Kind = "subscription" // lifecycle of a Workspace Events subscription
	KindInteraction     Kind = "interaction"  // a Chat app interaction event: no ce-* attributes
	KindUnknown         Kind = "unknown"      // a CloudEvent of a type not documented so far
)

// Verb says what happened to the resource.
type Verb string

const (
	VerbCreated Verb = "created"
	VerbUpdated Verb = "updated"
	VerbDeleted Verb = "deleted"

	// Lifecycle of a subscription (fact sheet §3.5).
	VerbSuspended          Verb = "suspended"
	VerbExpirationReminder Verb = "expiration_reminder"
	VerbExpired            Verb = "expired"

	// VerbOther stands for every interaction and unknown event; the event's Type tells them apart.
	VerbOther Verb = "other"
)

// Event is one decoded message. All strings are valid UTF-8 without NUL.
type Event struct {
	ID      string    // ce-id: "spaces/S/spaceEvents/E" for Chat events, opaque for lifecycle events, empty for interactions
	Source  string    // ce-source: "//workspaceevents.googleapis.com/subscriptions/S"; which subscription delivered it
	Type    string    // ce-type, unshortened; "interaction.MESSAGE" and so on for interactions
	Subject string    // ce-subject
	Time    time.Time // ce-time, UTC (eventTime for interactions)
	Batch   bool      // a batch form: Items came from an array
	Items   []Item    // at least one, in the order of the payload

	// Refused says why elements of a batch became no items, though the batch is
	// JSON; nil if all did. They are kept with the batch's bytes.
	Refused *Malformed `json:",omitempty"`
}

// Item is one resource of an event. Exactly one of the pointers is set for
// the kinds that have one; all are nil for a payload that only holds names
// (includeResource=false): Resource, Space and, for memberships, Actor are
// then all that is known. A deleted membership always has its pointer: its
// state is known. Who it was follows from its name if that holds the number of
// an account; of others, such as Google Groups, earlier events told. Resource is empty for KindUnknown,
// and for interactions without a message.
type Item struct {
	Ordinal  int    // position in the payload, from 0; there are gaps where an element names nothing
	Kind     Kind   //
	Verb     Verb   //
	Resource string // full name, for example "spaces/S/messages/M"
	Space    string // "spaces/S", or "" where there is none
	Actor    string // "users/U": the sender, the member, who reacted; "" if the payload doesn't tell

	Message      *Message
	Membership   *Membership
	Reaction     *Reaction
	SpaceData    *Space
	Subscription *Subscription
	Interaction  *Interaction
}

// NamesOnly reports whether the item carries just its resource's name, so
// that its content has to be fetched to be known.
func (it *Item) NamesOnly() bool {
	return it.Message == nil && it.Membership == nil && it.Reaction == nil &&
		it.SpaceData == nil && it.Subscription == nil && it.Interaction == nil
}
