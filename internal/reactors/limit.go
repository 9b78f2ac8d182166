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
