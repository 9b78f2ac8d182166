package storetest

import (
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Greeter plans one run per (space, person) at every join that was delivered
// live, as the simplest of rules does, and leaves out what a condition says no
// to: everybody whose name is in Not.
type Greeter struct {
	Wait time.Duration
	Not  map[string]bool
}

// Plan implements reactors.Planner.
func (g Greeter) Plan(c reactors.Change) (p reactors.Plan) {
	if reactors.TriggerOf(c) != reactors.MemberJoined || c.Origin != events.OriginLive {
		return p
	}
	f := reactors.FactsOf(c, reactors.MemberJoined)
	if f.Member.Type == string(events.UserBot) {
		return p
	}
	in := reactors.Intent{
		Reactor: "welcome", Trigger: reactors.MemberJoined, Subject: f.Space.Name + " " + f.Member.Name,
		Space: f.Space.Name, Member: f.Member.Name, EventTime: c.Event.Time,
	}
	if g.Not[f.Member.Name] {
		in.Outcome, in.Reason = reactors.ConditionFalse, "not them"
		return reactors.Plan{Intents: []reactors.Intent{in}}
	}
	in.Steps = []reactors.PlannedStep{{Due: c.Event.Time.Add(g.Wait)}}
	in.Facts, _ = f.Brief() // structs of strings and times can be written
	return reactors.Plan{Intents: []reactors.Intent{in}}
}
