package catchup

import "time"

// The work of single jobs.
var (
	WorkOnGap     = (*Reader).workOnGap
	WorkOnFetch   = (*Reader).workOnFetch
	WorkOnMembers = (*Reader).workOnMembers
)

// SetBudget sets the time of one attempt at a gap.
func (r *Reader) SetBudget(d time.Duration) { r.budget = d }
