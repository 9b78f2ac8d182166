package expr

import (
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// The limits of what an expression may cost: when it is loaded, and while it is
// evaluated.
const (
	MaxEstimate = maxEstimate
	MaxCost     = maxCost
)

// ErrTooCostly ends what has reached MaxCost.
var ErrTooCostly = errTooCostly

// Units evaluates the condition as Eval does, but for the clock, and returns what
// it cost. Also what has no meter, because it can't cost much, is measured.
func (c *Condition) Units(f *reactors.Facts, now time.Time) (units uint64, err error) {
	measured := *c.of
	measured.metered = true
	p, err := measured.plan(measured.ast)
	if err != nil {
		return 0, err
	}
	v, details, err := p.Eval(&activation{c.of.env.schema, f, now})
	_, err = outcome(v, err)
	return *details.ActualCost(), err
}
