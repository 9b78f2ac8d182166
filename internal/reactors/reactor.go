package reactors

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Change is one item of an event that was recorded for the first time.
type Change struct {
	Event  *events.Event
	Item   *events.Item
	Origin events.Origin
	// Joined reports that the item took a member from anything else to
	// JOINED, as far as the recorded history tells.
	Joined bool
}

// Run is one effect that a reactor wants, rendered and ready to carry out.
type Run struct {
	ID        int64           // assigned by the store
	Reactor   string          // the reactor's name
	Subject   string          // what the effect is about: at most one run exists for (Reactor, Subject)
	Space     string          // "spaces/S": the space that the effect writes to; paces and circuit-breaks by it
	Member    string          // "users/U": skip the run if this person isn't in Space any more; "" for none
	EventTime time.Time       // of the event that caused it: its age is counted from here
	Request   json.RawMessage // the reactor's own rendered request, stored before the first attempt
}

// Reactor turns changes into effects.
type Reactor interface {
	// Name is the stable identifier that runs are stored under.
	Name() string
	// MaxAge is how old a run's event may be when the run's turn comes; an
	// older run expires. 0 means any age.
	MaxAge() time.Duration
	// Plan answers with the runs that the change asks for; usually none. It
	// does no I/O and gives the same answer for the same change.
	Plan(Change) ([]Run, error)
	// Act carries the run out. It is idempotent: after a crash it is called
	// again with the same run. A nil error means that the effect took place;
	// see [Permanent] and [RetryAfter] for the others.
	Act(context.Context, Run) error
}
