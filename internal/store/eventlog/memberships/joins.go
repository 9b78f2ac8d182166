package memberships

import (
	"cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// joined reports whether a change to state took its member into the space.
// An update to JOINED of a member of whom nothing is known isn't: it may be a
// change of role. A later report of what was before can still make it one.
func joined(state string, verb events.Verb, prevState string) bool {
	if state != string(events.MembershipJoined) {
		return false
	}
	if prevState == "" {
		return verb == events.VerbCreated
	}
	return prevState != string(events.MembershipJoined)
}

// left reports whether a change to state took its member out of the space. Of
// somebody of whom nothing is known, a deletion tells that they were in it.
func left(state string, verb events.Verb, prevState string) bool {
	if state == "" || state == string(events.MembershipJoined) {
		return false
	}
	return prevState == string(events.MembershipJoined) || prevState == "" && verb == events.VerbDeleted
}

// transition says what a change meant for its member.
func transition(change *reactors.Change, c *changeRow, before neighbour) {
	switch {
	case joined(c.state, c.verb, before.prevState):
		change.Joined = true
	case left(c.state, c.verb, before.prevState):
		change.Left = true
	case c.state == before.prevState && c.role != "" && before.prevRole != "" && c.role != before.prevRole:
		change.RoleChanged, change.PreviousRole = true, before.prevRole
	}
}

// memberOf is whose membership it is, if the item tells.
func memberOf(it *events.Item) string {
	if m := it.Membership; m != nil {
		return cmp.Or(m.Member.Name, m.Group, it.Actor)
	}
	return it.Actor
}

// belongsTo completes a membership with whose it is, as earlier events told: a
// deletion of a group's has its name only.
func belongsTo(it *events.Item, member string) *events.Item {
	if it.Membership == nil || memberOf(it) == member {
		return it
	}
	m := *it.Membership
	completed := *it
	completed.Membership = &m
	if events.IsUser(member) {
		completed.Actor, m.Member.Name = member, member
	} else {
		completed.Actor, m.Member.Name, m.Group = "", "", member
	}
	return &completed
}
