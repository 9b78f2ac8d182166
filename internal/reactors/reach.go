package reactors

import "time"

// Reach is where the Chat app can act on a schedule, as far as is known.
type Reach struct {
	Spaces []string             // that are no direct messages, "spaces/S"
	Gone   map[string]time.Time // since when a space is deleted, or the app isn't in it any more
}

// Holds reports whether the app could act in the space at a time.
func (r Reach) Holds(space string, at time.Time) bool {
	since, gone := r.Gone[space]
	return !gone || at.Before(since)
}
