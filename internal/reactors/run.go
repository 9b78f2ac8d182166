package reactors

// RunState says where a run stands; the drawing in the package comment shows
// how one leads to another.
type RunState string

const (
	RunPending RunState = "pending" // its job has not carried it out so far
	RunSent    RunState = "sent"    // the effect took place
	RunParked  RunState = "parked"  // no retry can mend it; the reason says what a person has to do
	RunExpired RunState = "expired" // too old when its turn came
	RunSkipped RunState = "skipped" // its member had left the space
)

// Queue is the River queue that runs are worked from.
const Queue = "reactors"

// RunArgs are the arguments of the River job that carries out one run. The
// run itself is in the ledger, so that a job can be lost or doubled without
// harm.
type RunArgs struct {
	RunID int64 `json:"run_id"`
}

// Kind implements river.JobArgs.
func (RunArgs) Kind() string { return "reactor_run" }
