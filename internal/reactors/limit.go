package reactors

import (
	"fmt"
	"slices"
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
// them; and, whatever the rule, those that act in the same space and may loop,
// without those of the same event: that the same app has caused, and if the app
// is in that very space, or people. That is counted from a window before the event
// on: however long a run waits, the app may have answered what was done before.
const (
	PerSpace   Per = "space"
	PerMember  Per = "member"
	PerReactor Per = "reactor"
	PerApp     Per = "app"
)

// LoopLimit holds for every run that may loop and that an app has caused, unless
// the rule has its own. Where we have acted within an hour, the app may be answering
// that: however a conversation of two apps began, it ends after three messages. Where
// it acts in another space than the app's, only an app that goes from the one to
// the other could close the circle.
func LoopLimit(r Run) Limit {
	if r.ActsIn == r.Space {
		return Limit{Per: PerApp, Max: 1, Window: time.Hour}
	}
	return Limit{Per: PerApp, Max: 60, Window: time.Hour}
}

// Since is from when on the limit counts for a run at a time.
func (l Limit) Since(r Run, now time.Time) time.Time {
	if l.Per == PerApp {
		now = r.EventTime
	}
	return now.Add(-l.Window)
}

// PassesAgain reports whether a run that was let through at a time goes on without
// asking its limits. Who has let a time go by that a limit gave, as the rule was
// paused, gets another: those that waited together must not all act at once.
func PassesAgain(limits []Limit, pass, now time.Time) bool {
	waits := slices.ContainsFunc(limits, func(l Limit) bool { return l.Later })
	return !waits || now.Sub(pass) <= Late
}

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
