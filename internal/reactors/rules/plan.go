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
)

// waiting holds the rules that wait for a trigger and aren't off. A space that
// any rule names has a list of its own.
type waiting struct {
	named     map[string][]*Rule
	elsewhere []*Rule
}

// waiting lists the rules that wait for a trigger in a space.
func (s *Set) waiting(t reactors.Trigger, space string) []*Rule {
	w := s.byTrigger[t]
	if w == nil {
		return nil
	}
	if list, ok := w.named[space]; ok {
		return list
	}
	return w.elsewhere
}

// Applies reports whether a rule has anything to do in a space.
func (r *Rule) Applies(space string) bool {
	return r.Mode != Off && !slices.Contains(r.Except, space) &&
		(len(r.Include) == 0 || slices.Contains(r.Include, space))
}

// index sorts the rules by what they wait for, so that an event which no rule
// waits for costs nothing but a look-up.
func (s *Set) index() {
	s.byTrigger = map[reactors.Trigger]*waiting{}
	spaces := s.Spaces()
	for _, t := range reactors.Triggers() {
		var entries []*entry
		for _, e := range s.entries {
			if slices.Contains(e.rule.On, t) { // the same in all spaces
				entries = append(entries, e)
			}
		}
		if len(entries) == 0 {
			continue
		}
		w := &waiting{named: map[string][]*Rule{}}
		for _, e := range entries {
			if e.rule.Mode != Off && len(e.rule.Include) == 0 {
				w.elsewhere = append(w.elsewhere, e.rule)
			}
		}
		for _, space := range spaces {
			list := []*Rule{}
			for _, e := range entries {
				if r := e.in(space); r.Applies(space) {
					list = append(list, r)
				}
			}
			w.named[space] = list
		}
		s.byTrigger[t] = w
	}
}

// Plan implements [reactors.Planner]. A change that a
// backfill found plans nothing.
func (s *Set) Plan(c reactors.Change) []reactors.Intent {
	if c.Origin == events.OriginBackfill {
		return nil
	}
	t := reactors.TriggerOf(c)
	list := s.waiting(t, c.Item.Space)
	if len(list) == 0 {
		return nil
	}
	f := reactors.FactsOf(c, t)
	id := c.Event.ID
	if id == "" { // an interaction: what it is and when tells it from others
		id = c.Event.Type + "@" + c.Event.Time.UTC().Format(time.RFC3339Nano) + " " + c.Item.Space + " " + c.Item.Actor
	}
	return plan(list, &f, c.Event.Time, id+"#"+strconv.Itoa(c.Item.Ordinal))
}

// PlanFacts is Plan for facts that come from elsewhere: tests and replay. The
// key identifies the occurrence, as an event's id and ordinal do.
func (s *Set) PlanFacts(f reactors.Facts, at time.Time, key string) []reactors.Intent {
	return plan(s.waiting(f.Trigger, f.Space.Name), &f, at, key)
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
// for each of spaces, without the excepted ones.
func (s *Set) PlanTick(t Tick, spaces []string) []reactors.Intent {
	if len(t.Rule.Include) > 0 {
		spaces = t.Rule.Include
	}
	var intents []reactors.Intent
	for _, space := range spaces {
		r := s.Rule(t.Rule.ID, space)
		if r == nil || !r.Applies(space) {
			continue
		}
		at := t.At.UTC()
		f := reactors.Facts{
			Trigger: reactors.Schedule,
			Event:   reactors.EventFacts{Type: string(reactors.Schedule), Time: at},
			Space:   reactors.SpaceFacts{Name: space},
		}
		intents = append(intents, plan([]*Rule{r}, &f, at, at.Format(time.RFC3339)+" "+space)...)
	}
	return intents
}

// plan makes the intents of one change; the key is that of the event.
func plan(list []*Rule, f *reactors.Facts, at time.Time, key string) []reactors.Intent {
	intents := make([]reactors.Intent, 0, len(list)) // a message may reach a hundred rules
	var facts json.RawMessage
	var subject string
	var same *Rule // the subject is its; most rules make the same of a change
	byApp := f.Member.Type == string(events.UserBot)
	for _, r := range list {
		if byApp && !r.Bots {
			continue
		}
		if same == nil || !slices.Equal(r.OncePer, same.OncePer) || r.zone != same.zone {
			subject, same = r.subject(f, at, key), r
		}
		i := reactors.Intent{
			Reactor: r.ID, Shadow: r.Mode == Shadow, Trigger: f.Trigger,
			Subject: subject, Space: f.Space.Name, Member: f.Member.Name,
			MayLoop: r.MayLoop(), EventTime: at, Hash: r.Hash,
		}
		// A tick always gets a run, which keeps the outcome: people look for it there.
		if f.Trigger != reactors.Schedule {
			i.Outcome, i.Reason = r.refuses(f, at)
		}
		if i.Outcome == "" {
			if facts == nil {
				var err error
				if facts, err = f.Brief(); err != nil { // facts are words, numbers and times in range
					i.Outcome, i.Reason = reactors.Failed, "the event's time can't be kept"
				}
			}
			i.Facts = facts
		}
		if i.Outcome == "" {
			i.Steps = r.planned(at)
		}
		intents = append(intents, i)
	}
	return intents
}

// refuses evaluates the parts of the condition that need no state. It returns
// "" if they allow a run.
func (r *Rule) refuses(f *reactors.Facts, at time.Time) (reactors.Outcome, string) {
	for _, e := range r.early {
		ok, err := e.condition.Eval(context.Background(), f, at)
		if err != nil {
			return reactors.Failed, e.reason + ": " + err.Error()
		}
		if !ok {
			return reactors.ConditionFalse, e.reason
		}
	}
	return "", ""
}

func (r *Rule) planned(at time.Time) []reactors.PlannedStep {
	steps := make([]reactors.PlannedStep, len(r.Steps))
	for i, s := range r.Steps {
		wait := s.After
		if r.Collapse != nil {
			wait = max(wait, r.Collapse.Window)
		}
		steps[i] = reactors.PlannedStep{Step: s.Index, Due: at.Add(wait)}
	}
	return steps
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
