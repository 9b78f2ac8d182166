package demo

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// greetings are the runs of a rule of the past, which greeted who joined since
// some time. It isn't among the demo's rules: those know nothing of it.
type greetings struct {
	since time.Time
	runs  *runs.Runs
	rng   *rand.Rand
}

const ruleOfThePast = "hello"

// Plan implements reactors.Planner.
func (g *greetings) Plan(c reactors.Change) (p reactors.Plan) {
	if reactors.TriggerOf(c) != reactors.MemberJoined || c.Origin != events.OriginLive || c.Event.Time.Before(g.since) {
		return p
	}
	f := reactors.FactsOf(c, reactors.MemberJoined)
	in := reactors.Intent{
		Reactor: ruleOfThePast, Trigger: reactors.MemberJoined, Subject: f.Space.Name + " " + f.Member.Name,
		Space: f.Space.Name, Member: f.Member.Name, EventTime: c.Event.Time,
		Steps: []reactors.PlannedStep{{Due: c.Event.Time.Add(2 * time.Minute)}},
	}
	in.Facts, _ = f.Brief() // structs of strings and times can be written
	p.Intents = append(p.Intents, in)
	return p
}

// finish ends what is pending, some seconds after it was due or, where there was much to
// do, minutes. A few fail. now is set to the time of each end.
func (g *greetings) finish(ctx context.Context, now *time.Time) error {
	const atOnce = 1000
	pending, err := g.runs.List(ctx, runs.Filter{Reactor: ruleOfThePast, Outcome: reactors.Pending, Max: atOnce})
	if err != nil {
		return err
	}
	end := *now
	defer func() { *now = end }()
	for _, run := range pending {
		outcome, reason := reactors.Sent, ""
		if g.rng.IntN(12) == 0 {
			outcome, reason = reactors.Failed, "the app may not write in the space"
		}
		*now = run.Due.Add(time.Second + time.Duration(8*g.rng.ExpFloat64()*float64(time.Second)))
		if g.rng.IntN(10) == 0 {
			*now = now.Add(time.Duration(g.rng.IntN(1200)) * time.Second)
		}
		if now.After(end) {
			*now = end
		}
		if err := g.runs.FinishRun(ctx, run, outcome, reason, reactors.TraceEntry{At: *now, What: string(outcome)}); err != nil {
			return err
		}
	}
	return nil
}
