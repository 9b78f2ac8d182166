package reactors

import (
	"fmt"
	"strings"
	"time"
)

// Limit bounds how many runs of a rule go through in a time.
type Limit struct {
	Per    Per
	Max    int
	Window time.Duration
	Later  bool // what is too much waits until there is room; else it isn't done
}

// Per says which runs a limit counts together.
type Per string

// What limits count: the rule's runs of one space, of one member, or all of
// them; and, whatever the rule, those of one space that may loop, without those
// of the same event.
const (
	PerSpace     Per = "space"
	PerMember    Per = "member"
	PerReactor   Per = "reactor"
	PerSpaceLoop Per = "space_loop"
)

// LoopLimit holds for every run that may loop and that an app has caused: where
// we have reacted within a minute, the app may be answering that. However a
// conversation of two apps began, it ends after three messages.
func LoopLimit() Limit { return Limit{Per: PerSpaceLoop, Max: 1, Window: time.Minute} }

// Pass is when a run may pass limits, now at the earliest: before, as many have
// passed as may, or will. passed are the times of those for each limit, in order,
// from one window before now on; open says when the rule may act. reached is a
// limit that makes the run wait; nil: it needn't.
func Pass(now time.Time, limits []Limit, passed [][]time.Time, open func(time.Time) time.Time) (reached *Limit, at time.Time) {
	at = now
	for moved := true; moved; {
		moved = false
		for i := range limits {
			if t := limits[i].fit(at, passed[i]); t.After(at) {
				reached, at, moved = &limits[i], t, true
			}
		}
		if reached != nil {
			at = open(at)
		}
	}
	return reached, at
}

// fit is the first time from t on at which no window holds more than Max with
// one more then. Where Max others are so close that there's no room among them,
// there is when the first of them leaves the window.
func (l Limit) fit(t time.Time, passed []time.Time) time.Time {
	for i := 0; i+l.Max <= len(passed); i++ {
		first, last := passed[i], passed[i+l.Max-1]
		if t.Sub(first) < l.Window && last.Sub(t) < l.Window && last.Sub(first) < l.Window {
			t = first.Add(l.Window)
		}
	}
	return t
}

// String is the limit as rules write it: "per_space: 20/1h".
func (l Limit) String() string {
	window := l.Window.String()
	if strings.HasSuffix(window, "m0s") {
		window = strings.TrimSuffix(window, "0s")
	}
	if strings.HasSuffix(window, "h0m") {
		window = strings.TrimSuffix(window, "0m")
	}
	return fmt.Sprintf("per_%s: %d/%s", l.Per, l.Max, window)
}
