package memberships

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
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
	if member == "" || memberOf(it) == member {
		return it
	}
	user, group := member, ""
	if !events.IsUser(member) {
		user, group = "", member
	}
	completed := *it
	completed.Actor = user
	if it.Membership != nil {
		m := *it.Membership
		m.Member.Name, m.Group = user, group
		completed.Membership = &m
	}
	return &completed
}

// Complete takes the user out of those items that tell the name of a membership
// alone, if another row, an event or a list told that it is a Google Group's: the
// number in the name is no user's. It comes before users get their numbers.
func Complete(ctx context.Context, db originals.Querier, lists ...[]items.Row) error {
	groups := map[string]string{} // by the membership's name
	var spaces, names []string
	var bare []*items.Row
	for _, rows := range lists {
		for i := range rows {
			it := rows[i].Item
			switch m := it.Membership; {
			case it.Kind != events.KindMembership:
			case m != nil && m.Group != "":
				groups[it.Resource] = m.Group
			case it.Actor != "" && it.Actor == events.MemberUser(it.Resource) && (m == nil || m.Member == events.User{Name: it.Actor}):
				bare = append(bare, &rows[i])
				spaces, names = append(spaces, it.Space), append(names, shortName(it.Resource, it.Space))
			}
		}
	}
	if len(bare) == 0 {
		return nil
	}
	found, _ := db.Query(ctx, `
		SELECT i.number, m.member
		FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS i (space, membership, number)
		CROSS JOIN LATERAL (SELECT id FROM spaces s WHERE s.space = i.space LIMIT 1) s
		CROSS JOIN LATERAL (
			SELECT member
			FROM stored_memberships m
			WHERE m.space_id = s.id AND m.membership = i.membership
			LIMIT 1
		) m
		WHERE m.member LIKE 'groups/%'`, spaces, names)
	var number int
	var member string
	if err := store.Each(found, []any{&number, &member}, func() { groups[bare[number-1].Item.Resource] = member }); err != nil {
		return fmt.Errorf("look up whose %d memberships are: %w", len(bare), err)
	}
	for _, r := range bare {
		r.Item = belongsTo(r.Item, groups[r.Item.Resource])
	}
	return nil
}
