// Package report prints what rules decided, and what they would have: tables for
// people, documents for programs.
//
// It promises that a table holds the title of a space or person beside its
// resource name wherever that is known, and that it says how many lines it leaves
// out. Texts are shown: they may hold what people wrote.
//
// The caller gives the titles of what a table is about, asked for once. An error is
// one of writing the result.
package report

import (
	"fmt"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// maxText is how much of a text fits a table.
const maxText = 60

// clockTime is a time in a table.
func clockTime(t time.Time) string { return t.UTC().Format("01-02 15:04:05") }

// ruleAndStep is a rule and which step of it.
func ruleAndStep(reactor string, step int) string {
	if step > 0 {
		return fmt.Sprintf("%s, step %d", reactor, step+1)
	}
	return reactor
}

// OutcomeText says what a run came to, or when it is due.
func OutcomeText(o reactors.Outcome, shadow bool, due time.Time) string {
	s := string(o)
	if o == reactors.Pending {
		s += ", due " + clockTime(due)
	}
	if shadow && o != reactors.Shadowed {
		s += " (in shadow)"
	}
	return s
}
