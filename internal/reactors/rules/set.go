package rules

import (
	"context"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Options are what a file is checked against.
type Options struct {
	Actions  []reactors.Action
	AuthMode string                            // as whom the app speaks: app, user or impersonate
	ReadFile func(name string) ([]byte, error) // for card files, relative to the rule file; nil: there are none
}

// Set is a whole file of rules.
type Set struct {
	Hash string // of all it says
}

// Load reads a file of rules. Card files are looked for beside it, unless the
// options say how.
func Load(path string, o Options) (*Set, error) { return nil, nil }

// Parse reads rules; the name is for messages. An error about what they say is
// an [*Error].
func Parse(name string, src []byte, o Options) (*Set, error) { return nil, nil }

// Plan implements [reactors.Planner].
func (s *Set) Plan(c reactors.Change) []reactors.Intent { return nil }

// PlanFacts is Plan for facts that come from elsewhere: tests and replay. The
// key identifies the occurrence, as an event's id and ordinal do.
func (s *Set) PlanFacts(f reactors.Facts, at time.Time, key string) []reactors.Intent { return nil }

// Tick is a time at which a rule's schedule falls due.
type Tick struct {
	Rule *Rule
	At   time.Time
}

// Due lists the ticks of all rules in (after, upTo].
func (s *Set) Due(after, upTo time.Time) []Tick { return nil }

// PlanTick is what a tick asks for.
func (s *Set) PlanTick(t Tick, spaces []string) []reactors.Intent { return nil }

// Rule returns a rule as it is in a space; nil if there is none.
func (s *Set) Rule(id, space string) *Rule { return nil }

// Rules lists the rules in the order of the file, without overrides.
func (s *Set) Rules() []*Rule { return nil }

// Tests lists the file's own tests.
func (s *Set) Tests() []Test { return nil }

// Needs is the state that the conditions and texts of a step read.
func (r *Rule) Needs(step int) reactors.Needs { return 0 }

// Render makes the requests of a run.
func (r *Rule) Render(ctx context.Context, run reactors.Run, f reactors.Facts, now time.Time, collapsed bool) ([]reactors.Request, error) {
	return nil, nil
}

// QuietHours are when a rule may act.
type QuietHours struct {
	Drop bool // what falls outside is dropped, not deferred
}

// Allows reports whether a rule may act at t.
func (q *QuietHours) Allows(t time.Time) bool { return true }

// Next is the first time from t on at which a rule may act.
func (q *QuietHours) Next(t time.Time) time.Time { return t }

// Cron is when a schedule falls due.
type Cron struct{}

// Next is the first tick after t.
func (c *Cron) Next(t time.Time) time.Time { return t }

// Test is a case of the file's tests.
type Test struct {
	Name, Reactor string
	Start         time.Time
	Given         []Given
	Expect        map[reactors.Outcome]int
	Texts         []string
	Line          int
}

// Given is an event of a test.
type Given struct {
	At                                                time.Duration // after the test's start
	Trigger                                           reactors.Trigger
	Member, Space, Message, Thread, Text, Emoji, Role string
	Bot                                               bool
}

// JSONSchema describes the file for editors.
func JSONSchema(actions []reactors.Action) []byte { return nil }
