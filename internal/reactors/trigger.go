package reactors

import (
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Trigger is what a rule waits for, in the words of the people who write
// rules.
type Trigger string

// The triggers. At most one fits a change.
const (
	MemberJoined      Trigger = "member.joined"       // a transition to JOINED: added, invitation accepted, or back again
	MemberLeft        Trigger = "member.left"         // a transition from JOINED to not being a member
	MemberRoleChanged Trigger = "member.role_changed" // another role than the one recorded before

	GroupAdded   Trigger = "group.added"   // a Google Group came into the space; its people come and go without events
	GroupRemoved Trigger = "group.removed" // a Google Group left it

	MessageCreated Trigger = "message.created"
	MessageEdited  Trigger = "message.edited"
	MessageDeleted Trigger = "message.deleted"

	ReactionAdded   Trigger = "reaction.added"
	ReactionRemoved Trigger = "reaction.removed"

	SpaceUpdated Trigger = "space.updated"
	SpaceDeleted Trigger = "space.deleted"
	SpaceAdded   Trigger = "space.added" // somebody added the Chat app: an interaction event

	AppMentioned Trigger = "app.mentioned" // somebody mentioned the Chat app in a space: an interaction event
	AppMessaged  Trigger = "app.messaged"  // somebody wrote to the app directly: an interaction event
	Command      Trigger = "command"       // somebody gave a command of the app: an interaction event
	CardClicked  Trigger = "card.clicked"  // somebody clicked something in a card of the app: an interaction event

	SubscriptionSuspended Trigger = "subscription.suspended"
	SubscriptionExpiring  Trigger = "subscription.expiring" // a reminder of Google's, which may never come
	SubscriptionExpired   Trigger = "subscription.expired"

	Schedule Trigger = "schedule" // not an event: the rule's cron expression
)

// Triggers lists all triggers.
func Triggers() []Trigger {
	return []Trigger{
		MemberJoined, MemberLeft, MemberRoleChanged,
		GroupAdded, GroupRemoved,
		MessageCreated, MessageEdited, MessageDeleted,
		ReactionAdded, ReactionRemoved,
		SpaceUpdated, SpaceDeleted, SpaceAdded,
		AppMentioned, AppMessaged, Command, CardClicked,
		SubscriptionSuspended, SubscriptionExpiring, SubscriptionExpired,
		Schedule,
	}
}

// Known reports whether it is one of Triggers.
func (t Trigger) Known() bool { return slices.Contains(Triggers(), t) }

// Who is the member whom an event of the trigger is about, in words.
func (t Trigger) Who() string {
	switch t {
	case MemberJoined:
		return "whoever joined"
	case MemberLeft:
		return "whoever left"
	case MemberRoleChanged:
		return "whose role changed"
	case MessageCreated:
		return "whoever wrote the message"
	case MessageEdited:
		return "whoever edited the message"
	case ReactionAdded:
		return "whoever reacted"
	case ReactionRemoved:
		return "whoever took the reaction back"
	case SpaceAdded:
		return "whoever added the app"
	case AppMentioned:
		return "whoever mentioned the app"
	case AppMessaged:
		return "whoever wrote to the app"
	case Command:
		return "whoever gave the command"
	case CardClicked:
		return "whoever clicked"
	default:
		return "the member"
	}
}

// Kind is what sort of resource the changes are about that pull the trigger; ""
// for what isn't an event.
func (t Trigger) Kind() events.Kind {
	switch t {
	case MemberJoined, MemberLeft, MemberRoleChanged, GroupAdded, GroupRemoved:
		return events.KindMembership
	case MessageCreated, MessageEdited, MessageDeleted:
		return events.KindMessage
	case ReactionAdded, ReactionRemoved:
		return events.KindReaction
	case SpaceUpdated, SpaceDeleted:
		return events.KindSpace
	case SpaceAdded, AppMentioned, AppMessaged, Command, CardClicked:
		return events.KindInteraction
	case SubscriptionSuspended, SubscriptionExpiring, SubscriptionExpired:
		return events.KindSubscription
	default:
		return ""
	}
}

// EventTypes lists the types of Workspace events that pull the trigger: a
// subscription has to ask for them. Empty for what comes without.
func (t Trigger) EventTypes() []string {
	type change struct {
		kind events.Kind
		verb events.Verb
	}
	c, ok := map[Trigger]change{
		// An invitation that is accepted is an update as well: not the usual way.
		MemberJoined:      {events.KindMembership, events.VerbCreated},
		MemberLeft:        {events.KindMembership, events.VerbDeleted},
		MemberRoleChanged: {events.KindMembership, events.VerbUpdated},
		GroupAdded:        {events.KindMembership, events.VerbCreated},
		GroupRemoved:      {events.KindMembership, events.VerbDeleted},
		MessageCreated:    {events.KindMessage, events.VerbCreated},
		MessageEdited:     {events.KindMessage, events.VerbUpdated},
		MessageDeleted:    {events.KindMessage, events.VerbDeleted},
		ReactionAdded:     {events.KindReaction, events.VerbCreated},
		ReactionRemoved:   {events.KindReaction, events.VerbDeleted},
		SpaceUpdated:      {events.KindSpace, events.VerbUpdated},
		SpaceDeleted:      {events.KindSpace, events.VerbDeleted},
	}[t]
	if !ok {
		return nil
	}
	return []string{events.TypeName(c.kind, c.verb)}
}

// membershipTrigger tells people from Google Groups. A membership of which
// nobody knows whose it is pulls nothing.
func membershipTrigger(c Change) Trigger {
	group := c.Item.Membership != nil && c.Item.Membership.Group != ""
	switch {
	case !group && c.Item.Actor == "":
	case c.Joined && group:
		return GroupAdded
	case c.Left && group:
		return GroupRemoved
	case group:
	case c.Joined:
		return MemberJoined
	case c.Left:
		return MemberLeft
	case c.RoleChanged:
		return MemberRoleChanged
	}
	return ""
}

// interactionTrigger tells what somebody wanted of the Chat app. A slash command
// is a message, or a kind of its own.
func interactionTrigger(i *events.Interaction) Trigger {
	switch {
	case i == nil:
	case i.Type == "ADDED_TO_SPACE":
		return SpaceAdded
	case i.Type == "APP_COMMAND", i.Type == "MESSAGE" && i.Command != 0:
		return Command
	case i.Type == "MESSAGE" && i.Space.SpaceType == "DIRECT_MESSAGE":
		return AppMessaged
	case i.Type == "MESSAGE":
		return AppMentioned
	case i.Type == "CARD_CLICKED":
		return CardClicked
	}
	return ""
}

// TriggerOf says which trigger a change pulls; "" for none. An item that holds
// names only pulls none where its content is needed: it is asked about again
// once that was fetched.
func TriggerOf(c Change) Trigger {
	switch it := c.Item; it.Kind {
	case events.KindMembership:
		return membershipTrigger(c)
	case events.KindMessage:
		switch {
		case it.Verb == events.VerbDeleted:
			return MessageDeleted
		case it.Message == nil:
			return ""
		case it.Verb == events.VerbCreated:
			return MessageCreated
		case it.Verb == events.VerbUpdated:
			return MessageEdited
		}
	case events.KindReaction:
		switch {
		case it.Reaction == nil:
			return ""
		case it.Verb == events.VerbCreated:
			return ReactionAdded
		case it.Verb == events.VerbDeleted:
			return ReactionRemoved
		}
	case events.KindSpace:
		if it.Verb == events.VerbDeleted {
			return SpaceDeleted
		}
		if it.SpaceData != nil {
			return SpaceUpdated
		}
	case events.KindInteraction:
		return interactionTrigger(it.Interaction)
	case events.KindSubscription:
		switch it.Verb {
		case events.VerbSuspended:
			return SubscriptionSuspended
		case events.VerbExpirationReminder:
			return SubscriptionExpiring
		case events.VerbExpired:
			return SubscriptionExpired
		}
	}
	return ""
}

// OncePer is what a rule with these triggers acts once per, unless it says so.
func OncePer(on []Trigger) []string {
	of := func(t Trigger) string {
		switch t {
		case MemberJoined:
			return "space member"
		case MessageCreated, AppMentioned, AppMessaged:
			return "message"
		case MessageEdited:
			if len(on) > 1 {
				return "message" // however often it is edited
			}
		}
		return "event"
	}
	if len(on) == 0 || slices.ContainsFunc(on, func(t Trigger) bool { return of(t) != of(on[0]) }) {
		return []string{"event"}
	}
	return strings.Fields(of(on[0]))
}
