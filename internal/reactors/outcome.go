package reactors

// Outcome says where a run stands, and, of an evaluation that led to no run,
// why.
type Outcome string

// Outcomes. Only Pending has a job that will go on with it, and Unclear for a week.
const (
	Pending Outcome = "pending"
	Unclear Outcome = "unclear" // it is to end, but may have taken effect: that is looked up when somebody can; in a replay: see Facts.Unread

	Sent      Outcome = "sent"      // all actions took effect
	Shadowed  Outcome = "shadow"    // would have been sent: its rule is in shadow mode
	Collapsed Outcome = "collapsed" // another run has spoken for it

	ConditionFalse Outcome = "condition_false" // if, still or match said no
	Left           Outcome = "left"            // its member isn't in the space any more
	Stopped        Outcome = "stopped"         // stop_when said so, for this step and those after it
	AlreadyDone    Outcome = "already_done"    // once_per: the subject had its run before
	Quiet          Outcome = "quiet"           // fell into quiet hours that drop
	RateLimited    Outcome = "rate_limited"    // a limit was reached
	Looping        Outcome = "loop"            // too many reactions to apps, or to itself
	TooOld         Outcome = "too_old"         // it was taken up later than max_age allows
	Cancelled      Outcome = "cancelled"       // its rule is gone or off
	Failed         Outcome = "failed"          // no retry can mend it; the reason says what a person has to do
)

// Outcomes lists all outcomes.
func Outcomes() []Outcome {
	return []Outcome{
		Pending, Unclear, Sent, Shadowed, Collapsed, ConditionFalse, Left, Stopped, AlreadyDone,
		Quiet, RateLimited, Looping, TooOld, Cancelled, Failed,
	}
}

// Words are the outcomes, triggers or such of a list as they are written.
func Words[T ~string](list []T) []string {
	words := make([]string, len(list))
	for i, one := range list {
		words[i] = string(one)
	}
	return words
}

// Reopens reports whether the same subject may have another try when its
// trigger is pulled again: nothing was done for it so far.
func (o Outcome) Reopens() bool {
	switch o {
	case Pending, Sent, Shadowed, Collapsed:
		return false
	}
	return true
}
