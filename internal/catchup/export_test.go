package catchup

// The work of single jobs.
var (
	WorkOnFetch   = (*Reader).workOnFetch
	WorkOnMembers = (*Reader).workOnMembers
)
