package reactors

import (
	"fmt"
	"time"
)

// Limit bounds how many runs of a rule go through in a time.
type Limit struct {
	Per    Per
	Most   int
	Window time.Duration
}

// Per says which runs a limit counts together.
type Per string

// What limits count: the rule's runs of one space, of one member, or all of
// them; and, whatever the rule, those of one space that apps have caused.
const (
	PerSpace       Per = "space"
	PerMember      Per = "member"
	PerReactor     Per = "reactor"
	PerSpaceByApps Per = "space_by_apps"
)

// LoopLimit holds for every run that an app has caused: two apps that answer
// each other fall silent.
func LoopLimit() Limit { return Limit{Per: PerSpaceByApps, Most: 3, Window: time.Minute} }

func (l Limit) String() string {
	return fmt.Sprintf("per_%s: %d in %s", l.Per, l.Most, l.Window)
}
