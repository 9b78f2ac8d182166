package reactors

import "github.com/spacekeeper/spacekeeper/internal/events"

// Change is one item of an event that was recorded for the first time.
type Change struct {
	Event  *events.Event
	Item   *events.Item
	Origin events.Origin

	// Of a membership, as far as the recorded history tells; at most one is
	// true.
	Joined       bool   // from anything else to JOINED
	Left         bool   // from JOINED to not being a member
	RoleChanged  bool   // another role than before
	PreviousRole string // ROLE_MEMBER and so on, if RoleChanged
}

// Filter says which changes; the zero value leaves none out.
type Filter struct {
	Kinds []events.Kind // nil: all
	Space string        // "": all
}
