package clock

import (
	"time"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Wait is how long after an event something is due.
type Wait struct {
	For   time.Duration
	Hours *Hours // the time that counts; nil: all
}

// From is when the wait is over that begins at a time.
func (w Wait) From(at time.Time) time.Time {
	if w.Hours != nil {
		return w.Hours.After(at, w.For)
	}
	return at.Add(w.For)
}

// Later reports whether a wait is over after another, from all times of a week on or
// from any.
func (w Wait) Later(than Wait) (always, ever bool) {
	always = true
	for at, i := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), 0; i < 7*4; i++ {
		if w.From(at).After(than.From(at)) {
			ever = true
		} else {
			always = false
		}
		at = at.Add(day / 4)
	}
	return always, ever
}

// String says it to people: "4h", "4h of Mon-Fri 09:00-17:00 Europe/Berlin".
func (w Wait) String() string {
	s := strictyaml.FormatDuration(w.For)
	if w.Hours != nil {
		s += " of " + w.Hours.String()
	}
	return s
}
