package reactors

import (
	"cmp"
	"slices"
)

// Claim is one step of an intent: it asks for a run.
type Claim struct {
	*Intent
	PlannedStep
}

// Compare orders claims by rule, subject, step and mode.
func (c Claim) Compare(d Claim) int {
	return cmp.Or(cmp.Compare(c.Reactor, d.Reactor), cmp.Compare(c.Subject, d.Subject), cmp.Compare(c.Step, d.Step),
		c.compareRuns(d))
}

// compareRuns is 0 for claims that ask for the same run, wherever its step stands.
func (c Claim) compareRuns(d Claim) int {
	return cmp.Or(cmp.Compare(c.Reactor, d.Reactor), cmp.Compare(c.Subject, d.Subject), cmp.Compare(c.ID, d.ID),
		compareBools(c.Shadow, d.Shadow))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Claims lists what the intents of one transaction claim, ordered by Compare. Of
// claims that ask for the same run it holds the one of the newest event.
func Claims(intents []Intent) []Claim {
	var claims []Claim
	for i := range intents {
		for _, step := range intents[i].Steps {
			claims = append(claims, Claim{&intents[i], step})
		}
	}
	slices.SortStableFunc(claims, func(x, y Claim) int {
		return cmp.Or(x.compareRuns(y), y.EventTime.Compare(x.EventTime))
	})
	claims = slices.CompactFunc(claims, func(x, y Claim) bool { return x.compareRuns(y) == 0 })
	slices.SortFunc(claims, Claim.Compare)
	return claims
}

// WithoutRun returns the intents that led to no run, each with its outcome.
// claimed holds those that did. An intent with steps whose Outcome is AlreadyDone
// is left out: its repetition isn't worth noting.
func WithoutRun(intents []Intent, claimed map[*Intent]bool) []Intent {
	var rest []Intent
	for i := range intents {
		in := intents[i]
		switch {
		case len(in.Steps) == 0:
			rest = append(rest, in)
		case !claimed[&intents[i]] && in.Outcome != AlreadyDone:
			in.Outcome, in.Reason = AlreadyDone, "once_per: "+in.Subject
			rest = append(rest, in)
		}
	}
	return rest
}
