package rules

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// Applies reports whether a rule has anything to do in a space.
func (r *Rule) Applies(space string) bool {
	return r.Mode != Off && !r.excepted[space] && (len(r.Include) == 0 || r.included[space])
}

// Plan implements [reactors.Planner]. A change that a
// backfill found plans nothing.
func (s *Set) Plan(c reactors.Change) (p reactors.Plan) {
	t := reactors.TriggerOf(c)
	w, space := s.people[t], c.Item.Space
	if c.Origin == events.OriginBackfill {
		return p
	}
	if len(s.until) > 0 {
		p.Wakes = s.Wakes(reactors.FactsOf(c, t))
	}
	if w.empty(space) {
		return p
	}
	o := occurrenceOf(c, t)
	if o.byApp() {
		if w = s.apps[t]; w.empty(space) {
			return p
		}
	}
	var without []int32
	if here := w.named[space]; here != nil {
		o.meet(&here.own, nil, &p)
		without = here.without
	}
	o.meet(&w.everywhere, without, &p)
	return p
}

// PlanAll is Plan with an intent of each rule that waits, in the order of the
// file; those whose conditions say no have no steps.
func (s *Set) PlanAll(c reactors.Change) []reactors.Intent {
	t := reactors.TriggerOf(c)
	if c.Origin == events.OriginBackfill || s.people[t].empty(c.Item.Space) {
		return nil
	}
	return s.all(occurrenceOf(c, t))
}

// PlanFacts is PlanAll for facts that come from elsewhere: tests and replay. The
// key identifies the occurrence, as an event's id and ordinal do.
func (s *Set) PlanFacts(f reactors.Facts, at time.Time, key string) []reactors.Intent {
	return s.all(&occurrence{facts: f, at: at, key: key})
}

func (s *Set) all(o *occurrence) (intents []reactors.Intent) {
	w := s.people
	if o.byApp() {
		w = s.apps
	}
	for _, r := range w[o.facts.Trigger].in(o.facts.Space.Name) {
		intents = append(intents, o.ask(r))
	}
	return intents
}

// Wakes lists which runs have to look at their until because of a change.
func (s *Set) Wakes(f reactors.Facts) (wakes []reactors.Wake) {
	if f.Space.Name == "" || f.Trigger == reactors.Schedule {
		return nil
	}
	for _, e := range s.until {
		if r := e.in(f.Space.Name); r.Until != nil && r.Applies(f.Space.Name) {
			wakes = append(wakes, reactors.Wake{
				Reactor: r.ID, Space: f.Space.Name, Member: f.Member.Name, Message: f.Message.Name, Thread: f.Message.Thread,
			})
			if f.Message.Quoted != "" {
				wakes = append(wakes, reactors.Wake{Reactor: r.ID, Space: f.Space.Name, Message: f.Message.Quoted})
			}
		}
	}
	return wakes
}

// Tick is a time at which a rule's schedule falls due.
type Tick struct {
	Rule *Rule
	At   time.Time
}

// Due lists the ticks of all rules in (after, upTo], the oldest first. The caller
// decides how far back to look.
func (s *Set) Due(after, upTo time.Time) []Tick {
	var ticks []Tick
	for _, e := range s.entries {
		for at := e.rule.NextTick(after); !at.IsZero() && !at.After(upTo); at = e.rule.NextTick(at) {
			ticks = append(ticks, Tick{e.rule, at})
		}
	}
	slices.SortStableFunc(ticks, func(a, b Tick) int { return a.At.Compare(b.At) })
	return ticks
}

// NextTick is the first time of the rule's schedule after a time; zero if there
// is none.
func (r *Rule) NextTick(after time.Time) time.Time {
	if r.Cron == nil {
		return time.Time{}
	}
	return r.Cron.Next(after)
}

// PlanTick plans an intent for each space that the tick's rule names, or else
// for each that is known, without the excepted ones and those that are out of reach.
func (s *Set) PlanTick(t Tick, reach reactors.Reach) []reactors.Intent {
	spaces := reach.Spaces
	if len(t.Rule.Include) > 0 {
		spaces = t.Rule.Include
	}
	var intents []reactors.Intent
	for _, space := range spaces {
		r := s.Rule(t.Rule.ID, space)
		if r == nil || !r.Applies(space) || !reach.Holds(space, t.At) {
			continue
		}
		at := t.At.UTC()
		f := reactors.Facts{
			Trigger: reactors.Schedule,
			Event:   reactors.EventFacts{Type: string(reactors.Schedule), Time: at},
			Space:   reactors.SpaceFacts{Name: space},
		}
		o := &occurrence{facts: f, at: at, key: at.Format(time.RFC3339) + " " + space}
		intents = append(intents, o.ask(r))
	}
	return intents
}

// occurrence is one change as rules see it.
type occurrence struct {
	facts reactors.Facts
	at    time.Time
	key   string // of the event

	brief json.RawMessage // the facts, once an intent holds them

	// Most rules make the same subject of a change.
	subject   string
	subjectOf *Rule
}

func occurrenceOf(c reactors.Change, t reactors.Trigger) *occurrence {
	id := c.Event.ID
	if id == "" { // an interaction: what it is and when tells it from others
		id = c.Event.Type + "@" + c.Event.Time.UTC().Format(time.RFC3339Nano) + " " + c.Item.Space + " " + c.Item.Actor
	}
	return &occurrence{facts: reactors.FactsOf(c, t), at: c.Event.Time, key: id + "#" + strconv.Itoa(c.Item.Ordinal)}
}

func (o *occurrence) byApp() bool { return o.facts.Member.Type == string(events.UserBot) }

// fewNeedles are looked for one by one: to read the whole text takes as long.
const fewNeedles = 8

// meet asks rules, but for those at some positions, and adds to a plan what they
// say.
func (o *occurrence) meet(a *asked, without []int32, p *reactors.Plan) {
	var haystack expr.Haystack
	sift := a.selected > fewNeedles
	if sift {
		haystack.Fill(&o.facts)
	}
	except := slices.Clip(without) // which others read, too
	last := int32(-1)
	for i := range a.gates {
		g := &a.gates[i]
		if g.rule == last || sift && !haystack.MayHold(&g.trace) {
			continue
		}
		last = g.rule // that another needle is in it, too, says nothing new
		if g.test != nil && !g.test(&o.facts) {
			continue
		}
		if _, not := slices.BinarySearch(without, g.rule); not {
			continue
		}
		outcome, reason := a.rules[g.rule].refuses(&o.facts, o.at)
		if outcome == reactors.ConditionFalse {
			continue
		}
		p.Intents = append(p.Intents, o.intent(a.rules[g.rule], outcome, reason))
		except = append(except, g.rule)
	}
	if len(except) == len(a.rules) {
		return
	}
	if len(except) > len(without) {
		slices.Sort(except)
	}
	p.Refused = append(p.Refused, reactors.Refusal{
		Asked: &a.Asked, Except: except, Intent: func(i int32) reactors.Intent { return o.ask(a.rules[i]) },
	})
}

// ask makes what a rule wants of the change, or why it doesn't.
func (o *occurrence) ask(r *Rule) reactors.Intent {
	outcome, reason := r.refuses(&o.facts, o.at)
	return o.intent(r, outcome, reason)
}

// intent makes the intent of a rule; with an outcome it has no steps.
func (o *occurrence) intent(r *Rule, outcome reactors.Outcome, reason string) reactors.Intent {
	f := &o.facts
	if same := o.subjectOf; same == nil || !slices.Equal(r.OncePer, same.OncePer) || r.zone != same.zone {
		o.subject, o.subjectOf = r.subject(f, o.at, o.key), r
	}
	i := reactors.Intent{
		Reactor: r.ID, Shadow: r.Mode == Shadow, Trigger: f.Trigger,
		Subject: o.subject, Space: f.Space.Name, Member: f.Member.Name,
		ActsIn: r.ActsIn(f.Space.Name), EventTime: o.at, Outcome: outcome, Reason: reason, Hash: r.Hash,
		Again: r.Again, Until: r.Until != nil,
	}
	if outcome != "" {
		return i
	}
	if o.brief == nil {
		var err error
		if o.brief, err = f.Brief(); err != nil { // facts are words, numbers and times in range
			i.Outcome, i.Reason = reactors.Failed, "the event's time can't be kept"
			return i
		}
	}
	i.Facts, i.Steps = o.brief, r.planned(o.at)
	return i
}

// refuses evaluates the parts of the condition that need no state. It returns
// "" if they allow a run. A tick always gets one, which keeps the outcome: people
// look for it there.
func (r *Rule) refuses(f *reactors.Facts, at time.Time) (outcome reactors.Outcome, reason string) {
	if f.Trigger == reactors.Schedule {
		return "", ""
	}
	for _, e := range r.early {
		ok, err := e.condition.Eval(context.Background(), f, at)
		switch {
		case err != nil: // the next may be false, and then both are
			outcome, reason = reactors.Failed, e.reason+": "+err.Error()
		case !ok:
			return reactors.ConditionFalse, e.reason
		}
	}
	return outcome, reason
}

func (r *Rule) planned(at time.Time) []reactors.PlannedStep {
	steps := make([]reactors.PlannedStep, len(r.Steps))
	for i, s := range r.Steps {
		due := s.After.From(at)
		if r.Collapse != nil && due.Before(at.Add(r.Collapse.Window)) {
			due = at.Add(r.Collapse.Window)
		}
		steps[i] = reactors.PlannedStep{Step: s.Index, ID: s.ID, Due: due}
	}
	return steps
}

// Following lists when the steps after one are due at the earliest, if that one comes
// at a time: steps keep their distance. Where working time follows other time, it is
// counted from when the event would have been.
func (r *Rule) Following(id string, at time.Time) []reactors.PlannedStep {
	step := r.Step(id)
	if step == nil {
		return nil
	}
	var later []reactors.PlannedStep
	for _, s := range r.Steps[step.Index+1:] {
		from, distance := at, Wait{For: s.After.For - step.After.For, Hours: s.After.Hours}
		if s.After.Hours != nil && step.After.Hours == nil {
			from, distance.For = at.Add(-step.After.For), s.After.For
		}
		later = append(later, reactors.PlannedStep{Step: s.Index, ID: s.ID, Due: distance.From(from)})
	}
	return later
}

// subject is what once_per makes of an event. What isn't known counts as the
// event's own, so that two events don't pass for one.
func (r *Rule) subject(f *reactors.Facts, at time.Time, key string) string {
	var b strings.Builder
	for i, k := range r.OncePer {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(cmp.Or(r.subjectPart(k, f, at), key))
	}
	return b.String()
}

func (r *Rule) subjectPart(k string, f *reactors.Facts, at time.Time) string {
	switch k {
	case "space":
		return f.Space.Name
	case "member":
		return f.Member.Name
	case "message":
		return f.Message.Name
	case "thread":
		return f.Message.Thread
	case "day":
		return at.In(r.zone).Format(time.DateOnly)
	case "week":
		year, week := at.In(r.zone).ISOWeek()
		return fmt.Sprintf("%d-W%02d", year, week)
	}
	return "" // event
}
