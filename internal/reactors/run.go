package reactors

import (
	"encoding/json"
	"strconv"
	"time"
)

// Intent is what a rule makes of a change that matches its trigger.
type Intent struct {
	Reactor string
	Shadow  bool
	Trigger Trigger
	Subject string // once_per's key: at most one run exists for each subject, step and mode
	Space   string // "spaces/S" that the event happened in; "" for none
	Member  string // "users/U" whom it is about; "" for nobody
	ActsIn  string // the space in which what it does may make apps cause it again: see LoopLimit; "" for none

	Again time.Duration // since its subject's last run did something, for another one: see Round; 0: never
	Until bool          // the rule has until: the run looks at once, and at each Wake

	EventTime time.Time
	Steps     []PlannedStep // none: no run, and Outcome says why
	Outcome   Outcome
	Reason    string

	Facts json.RawMessage // as Facts.Brief writes them; shared by the intents of a change
	Hash  string          // of the rule as it was
}

// PlannedStep is one step and when it is due at the earliest.
type PlannedStep struct {
	Step int    // its place in the rule: a run waits for those of its subject before it
	ID   string // by which the step is known, wherever it stands
	Due  time.Time
}

// Round is the subject of a rule that may act again for the same: a number follows
// from the second time on. So each time has its own runs, and ids of messages.
func Round(subject string, n int) string {
	if n < 2 {
		return subject
	}
	return subject + " #" + strconv.Itoa(n)
}

// Late is from when on a run is late: its rule was paused, or a worker or Chat was
// away.
const Late = time.Minute

// Rollout is how long replicas may follow different rules: each takes up new ones
// by itself.
const Rollout = 2 * time.Minute

// Run is one step of what a rule wants done for one subject.
type Run struct {
	ID      int64
	Reactor string
	Step    int    // as in PlannedStep
	StepID  string // as PlannedStep.ID
	Subject string
	Shadow  bool
	Trigger Trigger
	Space   string
	Member  string
	ActsIn  string

	EventTime time.Time // of the newest event that asked for it
	Due       time.Time // max_age is counted from here
	Hash      string    // of the rule when it was planned
	Facts     Facts     // as the event told them

	Outcome  Outcome
	Reason   string
	Attempts int
	Requests []Request // what its actions will do, in order; nil until it is decided
	Trace    []TraceEntry
}

// Request is one action of a run, rendered: what every attempt sends.
type Request struct {
	Action string          `json:"action"`          // the action's name
	Label  string          `json:"label"`           // unique in the rule; ids are made of it
	Body   json.RawMessage `json:"body"`            // the action's own
	Write  *Write          `json:"write,omitempty"` // nil: it writes no message
	To     string          `json:"to,omitempty"`    // whom it reaches: see Prepared.To
	Quota  Quota           `json:"quota,omitempty"` // that it counts towards
	Effect string          `json:"-"`               // where it goes and to whom, for people; known while it is new
	Tries  int             `json:"tries,omitempty"` // how often it did not go through
	Done   bool            `json:"done,omitempty"`  // it took effect
	Result Result          `json:"result,omitzero"` // what came of it
}

// Result is what is kept of an action that took effect.
type Result struct {
	Message string `json:"message,omitempty"` // "spaces/S/messages/M" that was sent or changed
	Note    string `json:"note,omitempty"`    // for people: "sent to the space instead", never content
}

// TraceEntry is a line of a run's story, for people.
type TraceEntry struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // never holds texts, names or addresses
}

// Queue is the River queue that runs are worked from.
const Queue = "reactors"

// RunArgs are the arguments of the River job that carries a run on. The run is in
// the runs table, so that a job may be lost or doubled without harm.
type RunArgs struct {
	RunID int64 `json:"run_id"`
}

// Kind implements river.JobArgs.
func (RunArgs) Kind() string { return "reactor_run" }
