package storetest

import (
	"fmt"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Refusers are rules that wait for every message and want none.
type Refusers struct{ reactors.Asked }

// NewRefusers returns n of them.
func NewRefusers(n int) *Refusers {
	r := &Refusers{}
	for i := range n {
		r.Rules = append(r.Rules, reactors.AskedRule{Reactor: fmt.Sprintf("rule-%03d", i)})
	}
	return r
}

// Plan implements reactors.Planner.
func (r *Refusers) Plan(c reactors.Change) (p reactors.Plan) {
	if reactors.TriggerOf(c) != reactors.MessageCreated || len(r.Rules) == 0 {
		return p
	}
	p.Refused = []reactors.Refusal{{Asked: &r.Asked, Intent: func(i int32) reactors.Intent {
		return reactors.Intent{
			Reactor: r.Rules[i].Reactor, Trigger: reactors.MessageCreated, Subject: c.Item.Resource, Space: c.Item.Space,
			EventTime: c.Event.Time, Outcome: reactors.ConditionFalse, Reason: `if: message.text.contains("help")`,
		}
	}}}
	return p
}
