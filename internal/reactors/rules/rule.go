package rules

import (
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// Mode says whether a rule's actions are carried out.
type Mode string

// Modes. A new rule is in shadow.
const (
	Off    Mode = "off"    // nothing is evaluated
	Shadow Mode = "shadow" // everything is decided and rendered, nothing is sent
	Live   Mode = "live"
)

// Rule is one reactor of the file, checked and compiled. It doesn't change.
type Rule struct {
	ID   string
	Mode Mode
	On   []reactors.Trigger
	Hash string // of what the rule says: changes whenever its behaviour may

	Description string
	Line        int  // in its file
	Bots        bool // acts on what apps do, too
	Stay        bool // a run ends if its member has left: of member.joined, unless it says stay: false

	If       *expr.Condition // nil: always
	Still    *expr.Condition // asked when the run is due; nil: always
	StopWhen *expr.Condition // nil: never
	Until    *expr.Condition // makes a run due before its wait is over; nil: nothing does

	OncePer  []string      // space, member, message, thread, event, day, week
	Again    time.Duration // after which it may act once more for the same; 0: never
	MaxAge   time.Duration
	Quiet    *QuietHours // nil: none
	Limits   []reactors.Limit
	Collapse *Collapse   // nil: none
	Cron     *clock.Cron // of the trigger schedule; nil otherwise
	Include  []string    // "spaces/S"; empty: all spaces
	Except   []string

	Steps []Step // one of a do list, any number of a sequence

	included, excepted map[string]bool // Include and Except: there may be thousands

	early []early        // what of If can be told from the event
	zone  *time.Location // of days and weeks in OncePer
}

// early is a part of a condition that is asked before there is a run.
type early struct {
	condition *expr.Condition
	reason    string // for a run that isn't there because of it
}

// Step is what is done at one time.
type Step struct {
	Index int
	ID    string          // by which its runs are known, wherever it stands; "" of a do list
	After Wait            // after the event: wait, or after in a sequence
	If    *expr.Condition // nil: always
	Do    []Do

	needs reactors.Needs
}

// Step returns the step with an id; nil if there is none.
func (r *Rule) Step(id string) *Step {
	for i := range r.Steps {
		if r.Steps[i].ID == id {
			return &r.Steps[i]
		}
	}
	return nil
}

// Do is one action of a step.
type Do struct {
	Action reactors.Action
	Label  string // id of the action, or "STEP.NUMBER": unique in the rule
	Params any    // as the action's Params returns it, with sources filled in

	texts map[string]*expr.Template // by path in Params
}

// Collapse makes one run of many.
type Collapse struct {
	Window time.Duration // a run waits this long for others
	Over   int           // how many there must be at least, and one more
	Do     []Do          // done once for all of them
}
