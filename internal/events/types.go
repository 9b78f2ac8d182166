package events

import (
	"slices"
	"strings"
)

const (
	// ChatPrefix begins the type of every event about something in Chat.
	ChatPrefix = "google.workspace.chat."
	// LifecyclePrefix begins the type of every event about a subscription.
	LifecyclePrefix = "google.workspace.events.subscription.v1."
)

// Targets is a set of the kinds of resource that a subscription can watch.
type Targets uint8

const (
	OfSpaces    Targets = 1 << iota // one space, or all spaces of a user ("spaces/-")
	OfUsers                         // one user
	OfCustomers                     // all of an organisation

	inSpaces  = OfSpaces | OfCustomers
	ofPeople  = OfUsers | OfCustomers
	anyTarget = OfSpaces | OfUsers | OfCustomers
)

// Type is what Google documents of one event type: a row of the table.
type Type struct {
	Name     string // "google.workspace.chat.message.v1.created"
	Kind     Kind
	Verb     Verb
	Resource string  // the key of the payload that holds the resource; in the name as well
	Plural   string  // the key that holds the array in a batch event; "" if there is no batch form
	Scope    string  // what the OAuth scopes that allow it are called after, "messages" for ….chat.messages.readonly
	Listable bool    // spaces.spaceEvents.list returns it
	Targets  Targets // whose subscriptions can ask for it; its batch form comes along unasked
}

// types is the table of event types (fact sheet §1.1, §3.5). Other combinations
// of the same words are not documented, and so unknown.
var types = []Type{
	{ChatPrefix + "message.v1.created", KindMessage, VerbCreated, "message", "messages", "messages", true, inSpaces},
	{ChatPrefix + "message.v1.updated", KindMessage, VerbUpdated, "message", "messages", "messages", true, inSpaces},
	{ChatPrefix + "message.v1.deleted", KindMessage, VerbDeleted, "message", "messages", "messages", true, inSpaces},

	{ChatPrefix + "membership.v1.created", KindMembership, VerbCreated, "membership", "memberships", "memberships", true, anyTarget},
	{ChatPrefix + "membership.v1.updated", KindMembership, VerbUpdated, "membership", "memberships", "memberships", true, anyTarget},
	{ChatPrefix + "membership.v1.deleted", KindMembership, VerbDeleted, "membership", "memberships", "memberships", true, anyTarget},

	{ChatPrefix + "reaction.v1.created", KindReaction, VerbCreated, "reaction", "reactions", "messages", true, inSpaces},
	{ChatPrefix + "reaction.v1.deleted", KindReaction, VerbDeleted, "reaction", "reactions", "messages", true, inSpaces},

	{ChatPrefix + "space.v1.updated", KindSpace, VerbUpdated, "space", "spaces", "spaces", true, inSpaces},
	{ChatPrefix + "space.v1.deleted", KindSpace, VerbDeleted, "space", "", "spaces", false, inSpaces},

	// Since mid-2026. The keys of the last two are inferred from the first's, and
	// whether a customer's subscription can ask for availability isn't known.
	{
		ChatPrefix + "spaceReadState.v1.updated", KindSpaceReadState, VerbUpdated,
		"spaceReadState", "spaceReadStates", "users.readstate", false, ofPeople,
	},
	{
		ChatPrefix + "threadReadState.v1.updated", KindThreadReadState, VerbUpdated,
		"threadReadState", "threadReadStates", "users.readstate", false, ofPeople,
	},
	{ChatPrefix + "availability.v1.updated", KindAvailability, VerbUpdated, "availability", "", "users.availability", false, OfUsers},

	// Lifecycle events come with every subscription.
	{LifecyclePrefix + "suspended", KindSubscription, VerbSuspended, "subscription", "", "", false, 0},
	{LifecyclePrefix + "expirationReminder", KindSubscription, VerbExpirationReminder, "subscription", "", "", false, 0},
	{LifecyclePrefix + "expired", KindSubscription, VerbExpired, "subscription", "", "", false, 0},
}

var typesByName = func() map[string]*Type {
	m := map[string]*Type{}
	for i := range types {
		t := &types[i]
		m[t.Name] = t
		if t.Plural != "" {
			m[t.Batch()] = t
		}
	}
	return m
}()

// TypeOf returns the row of an event type, given by its name or by that of its
// batch form.
func TypeOf(name string) (Type, bool) {
	t, ok := typesByName[name]
	if !ok {
		return Type{}, false
	}
	return *t, true
}

// TypeName returns the name of the event type that tells of such a change, or
// "" if there is none.
func TypeName(kind Kind, verb Verb) string {
	for i := range types {
		if types[i].Kind == kind && types[i].Verb == verb {
			return types[i].Name
		}
	}
	return ""
}

// TypeNames returns the names of the event types that a subscription to one of
// the targets can ask for.
func TypeNames(of Targets) (names []string) {
	for i := range types {
		if types[i].Targets&of != 0 {
			names = append(names, types[i].Name)
		}
	}
	return names
}

// IsShort reports whether the log names events so, by their kind and perhaps the
// verb: "message", "message.created".
func IsShort(name string) bool {
	kind, verb, both := strings.Cut(name, ".")
	if Kind(kind) == KindInteraction || Kind(kind) == KindUnknown {
		return true
	}
	return slices.ContainsFunc(types, func(t Type) bool { return string(t.Kind) == kind && (!both || string(t.Verb) == verb) })
}

// Kinds lists the kinds of events, as IsShort knows them.
func Kinds() []string {
	var list []string
	for _, t := range types {
		if !slices.Contains(list, string(t.Kind)) {
			list = append(list, string(t.Kind))
		}
	}
	return append(list, string(KindInteraction), string(KindUnknown))
}

// ResourceOf returns what an event of the type is about, by the key of its
// payload: "message". It is "" for a type that nobody has documented.
func ResourceOf(name string) string {
	t, _ := TypeOf(name)
	return t.Resource
}

// Batch returns the name of the batch form: "….message.v1.batchCreated".
func (t *Type) Batch() string {
	dot := strings.LastIndexByte(t.Name, '.') + 1
	return t.Name[:dot] + "batch" + strings.ToUpper(t.Name[dot:dot+1]) + t.Name[dot+1:]
}

// ShortType returns an event type as people read it: "message.created".
func ShortType(name string) string {
	return strings.Replace(strings.TrimPrefix(name, ChatPrefix), ".v1.", ".", 1)
}
