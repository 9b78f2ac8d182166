package simulate

import (
	"slices"
	"strings"
)

// receivers lists who gets the event of a change, by name. The lock is held.
func (w *Workspace) receivers(c *change) []*subscription {
	now, eventType := w.state.now(), c.eventType()
	w.advance(now)
	var list []*subscription
	for _, s := range w.subs.bySpace[spaceTarget(c.space.name)] {
		if s.wants(eventType, now) {
			list = append(list, s)
		}
	}
	for _, s := range w.subs.wide {
		if s.wants(eventType, now) && w.reaches(s, c.space) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *subscription) int { return strings.Compare(a.name, b.name) })
	return list
}

// reaches reports whether the space is among those of a wide target.
// "spaces/-" are the spaces that the user is in now, so the user's own leaving
// isn't among its events; Google doesn't say whether it is.
func (w *Workspace) reaches(s *subscription, in *space) bool {
	return s.target != allSpaces || in.isJoined(s.owner.user)
}

// visible picks the changes that the subscription may see: a user's are those
// of the user's own memberships.
func (w *Workspace) visible(s *subscription, items []change) []change {
	id, ok := strings.CutPrefix(s.target, userPrefix)
	if !ok {
		return items
	}
	var own []change
	for _, c := range items {
		if c.resource == resourceMembership && c.actor == "users/"+id {
			own = append(own, c)
		}
	}
	return own
}
