// Package decide decides what becomes of a run: act, wait, or end, and why.
//
// It keeps and sends nothing. The engine asks it about the present, a replay
// about the past: so a replay tells what would have been done.
package decide

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// State answers a decision's questions: the store, or a replay's memory.
type State interface {
	// FactsOfAll returns what the events of runs of one space told, and the state
	// as of a time.
	FactsOfAll(ctx context.Context, runs []reactors.Run, needs reactors.Needs, at time.Time) ([]reactors.Facts, error)
	// Admit counts the run towards the limits, or answers which is reached. If
	// what is too much comes later, pass is when: a time at which open lets the
	// rule act, which is kept for the run.
	Admit(ctx context.Context, run reactors.Run, limits []reactors.Limit, open func(time.Time) time.Time, now time.Time) (
		reached *reactors.Limit, pass time.Time, err error)
	// Gather lists the other runs, oldest first, that wait for the same step in
	// the same space and whose events are no later than a time, or that are due.
	Gather(ctx context.Context, run reactors.Run, until, now time.Time) ([]reactors.Run, error)
}

// Decision says what becomes of a run.
type Decision struct {
	Outcome  reactors.Outcome // Pending: act on Requests, or wait until Until
	Reason   string
	Until    time.Time          // when the run is due; zero: now
	Requests []reactors.Request // what to do; with Shadowed, what would be done
	Speaks   []reactors.Run     // the other runs that this one speaks for
	Trace    []string           // for the run's story
}

func ended(o reactors.Outcome, reason string, args ...any) Decision {
	return Decision{Outcome: o, Reason: fmt.Sprintf(reason, args...)}
}

// Decide says what becomes of a run at a time. rule is the run's, as it is now
// for the run's space; nil if there is none any more. An error is about State,
// never about the rule.
func Decide(ctx context.Context, rule *rules.Rule, run reactors.Run, s State, now time.Time) (Decision, error) {
	if d, over := Unwanted(rule, run); over {
		return d, nil
	}
	return Wanted(ctx, rule, run, s, now)
}

// Wanted decides, as [Decide] does, about a run that its rule wants.
func Wanted(ctx context.Context, rule *rules.Rule, run reactors.Run, s State, now time.Time) (Decision, error) {
	waits := now.Before(run.Due)
	if waits && rule.Until == nil {
		return waiting(run), nil
	}
	if d, over := TooOld(rule, run, now); over {
		return d, nil
	}
	told, err := s.FactsOfAll(ctx, []reactors.Run{run}, needs(rule, run), now)
	if err != nil {
		return Decision{}, err
	}
	facts := told[0]
	if waits {
		switch yes, err := rule.Until.Eval(ctx, &facts, now); {
		case err != nil:
			return ended(reactors.Failed, "until: %s: %v", rule.Until.Source(), err), nil
		case !yes:
			return waiting(run), nil
		}
		run.Due = now
	}
	if d, over := conditions(ctx, rule, run, facts, now); over {
		return d, nil
	}
	if q := rule.Quiet; q != nil && !q.Allows(now) {
		if q.Drop {
			return ended(reactors.Quiet, "quiet hours"), nil
		}
		next := released(rule, run, now)
		trace := []string{"quiet hours until " + next.UTC().Format(time.RFC3339)}
		return Decision{Outcome: reactors.Pending, Reason: "quiet hours", Until: next, Trace: trace}, nil
	}
	if d, over, err := admit(ctx, rule, run, facts, s, now); err != nil || over {
		return d, err
	}
	speaks, err := gather(ctx, rule, run, s, now)
	if err != nil {
		return Decision{}, err
	}
	return render(ctx, rule, run, facts, speaks, now), nil
}

func waiting(run reactors.Run) Decision {
	return Decision{Outcome: reactors.Pending, Reason: "waiting", Until: run.Due}
}

// released is when quiet hours let a run go on. What may be told together comes
// together, all else one after the other; the steps of a subject are equally late.
func released(rule *rules.Rule, run reactors.Run, now time.Time) time.Time {
	if rule.Collapse != nil {
		return rule.Quiet.Next(now)
	}
	return rule.Quiet.Release(now, run.Reactor+" "+run.Subject)
}

// Unwanted ends a run whose rule doesn't want it any more.
func Unwanted(rule *rules.Rule, run reactors.Run) (Decision, bool) {
	switch {
	case rule == nil:
		return ended(reactors.Cancelled, "there is no rule %q any more", run.Reactor), true
	case rule.Mode == rules.Off:
		return ended(reactors.Cancelled, "the rule is off"), true
	case !rule.Applies(run.Space):
		return ended(reactors.Cancelled, "the rule doesn't apply in this space any more"), true
	case rule.Mode == rules.Shadow && !run.Shadow:
		return ended(reactors.Cancelled, "the rule is in shadow mode now"), true
	case rule.Step(run.StepID) != nil:
		return Decision{}, false
	case run.StepID == "":
		return ended(reactors.Cancelled, "the rule has a sequence now"), true
	}
	// Not silently: the author may have changed its after, and meant it to come.
	return ended(reactors.Failed, "the rule has no step %q any more: if another took its place, give that the id %q and try again", run.StepID, run.StepID), true
}

// TooOld ends a run that is later than its rule allows.
func TooOld(rule *rules.Rule, run reactors.Run, now time.Time) (Decision, bool) {
	if age := now.Sub(run.Due); age > rule.MaxAge {
		return ended(reactors.TooOld, "it was taken up %s after it was due, max_age is %s", age.Round(time.Second), rule.MaxAge), true
	}
	return Decision{}, false
}

func needs(rule *rules.Rule, run reactors.Run) reactors.Needs {
	n := rule.Needs(run.StepID) | run.Facts.Untold()&reactors.NeedMessage // for what actions take of it: the thread
	if rule.Stay || !rule.Bots || run.ActsIn != "" {                      // who did it may be told by what is recorded alone
		n |= reactors.NeedMember
	}
	return n
}

// Reasons for an outcome.
const (
	OwnMessage = "it is a message of our own" // no loop: nothing to warn of
	MemberLeft = "the person isn't in the space any more"
	unread     = "it depends on a message that isn't recorded: a worker reads that from Chat"
)

// conditions ends a run whose rule's conditions don't hold.
func conditions(ctx context.Context, rule *rules.Rule, run reactors.Run, f reactors.Facts, now time.Time) (Decision, bool) {
	step := rule.Step(run.StepID)
	switch {
	case f.Message.Own && !rule.Observes():
		return ended(reactors.Looping, OwnMessage), true
	case !rule.Bots && f.Member.Type == string(events.UserBot):
		return ended(reactors.ConditionFalse, "an app did it, and the rule has no bots: true"), true
	case rule.Stay && run.Member != "" && !f.Member.IsMember:
		return ended(reactors.Left, MemberLeft), true
	}
	for _, c := range []struct {
		name      string
		condition *expr.Condition
		outcome   reactors.Outcome
		ends      bool // the answer that ends the run
	}{
		{"stop_when", rule.StopWhen, reactors.Stopped, true},
		{"if", rule.If, reactors.ConditionFalse, false},
		{"if of the step", step.If, reactors.ConditionFalse, false},
		{"still", rule.Still, reactors.ConditionFalse, false},
	} {
		if c.condition == nil {
			continue
		}
		if c.condition.Needs()&f.Unread != 0 {
			return ended(reactors.Unclear, unread), true
		}
		yes, err := c.condition.Eval(ctx, &f, now)
		switch {
		case err != nil:
			return ended(reactors.Failed, "%s: %s: %v", c.name, c.condition.Source(), err), true
		case yes == c.ends:
			return ended(c.outcome, "%s: %s", c.name, c.condition.Source()), true
		}
	}
	return Decision{}, false
}

func admit(ctx context.Context, rule *rules.Rule, run reactors.Run, f reactors.Facts, s State, now time.Time) (Decision, bool, error) {
	perApp := func(l reactors.Limit) bool { return l.Per == reactors.PerApp }
	limits := slices.Clone(rule.Limits)
	switch {
	case run.ActsIn == "" || f.Member.Type != string(events.UserBot):
		limits = slices.DeleteFunc(limits, perApp)
	case !slices.ContainsFunc(limits, perApp):
		limits = append(limits, reactors.LoopLimit(run))
	}
	open := func(t time.Time) time.Time {
		if rule.Quiet == nil {
			return t
		}
		return rule.Quiet.Next(t)
	}
	reached, pass, err := s.Admit(ctx, run, limits, open, now)
	switch {
	case err != nil:
		return Decision{}, false, err
	case pass.After(now):
		trace := []string{"the limit lets it through at " + pass.UTC().Format(time.RFC3339)}
		return Decision{Outcome: reactors.Pending, Reason: "limit", Until: pass, Trace: trace}, true, nil
	case reached == nil:
		return Decision{}, false, nil
	case reached.Per == reactors.PerApp:
		return ended(reactors.Looping, "an app caused it, perhaps by answering what was done in %s before: limit %s", run.ActsIn, reached), true, nil
	}
	return ended(reactors.RateLimited, "%s", reached), true, nil
}

// gather returns the runs that this one speaks for; none if there are too few.
func gather(ctx context.Context, rule *rules.Rule, run reactors.Run, s State, now time.Time) ([]reactors.Run, error) {
	if rule.Collapse == nil {
		return nil, nil
	}
	others, err := s.Gather(ctx, run, run.EventTime.Add(rule.Collapse.Window), now)
	if err != nil || len(others)+1 <= rule.Collapse.Over {
		return nil, err
	}
	facts, err := s.FactsOfAll(ctx, others, needs(rule, run), now) // of the same step
	if err != nil {
		return nil, err
	}
	var speaks []reactors.Run
	for i, other := range others {
		// The run doesn't speak for who has left or whom the rule doesn't mean.
		if _, over := conditions(ctx, rule, other, facts[i], now); !over {
			speaks = append(speaks, other)
		}
	}
	if len(speaks)+1 <= rule.Collapse.Over {
		return nil, nil
	}
	return speaks, nil
}

func render(ctx context.Context, rule *rules.Rule, run reactors.Run, f reactors.Facts, speaks []reactors.Run, now time.Time) Decision {
	collapsed := len(speaks) > 0
	d := Decision{Outcome: reactors.Pending, Speaks: speaks}
	if run.Shadow {
		d.Outcome = reactors.Shadowed
	}
	if collapsed {
		members := []string{run.Member}
		for _, other := range speaks {
			members = append(members, other.Member)
		}
		f = f.Grouped(members)
		d.Trace = append(d.Trace, fmt.Sprintf("speaks for %d more", len(speaks)))
	}
	if rule.Needs(run.StepID)&f.Unread != 0 {
		return ended(reactors.Unclear, unread)
	}
	var err error
	if d.Requests, err = rule.Render(ctx, run, f, now, collapsed); err != nil {
		if f.Unread != 0 {
			f.Message.Thread = run.Space + "/threads/UNREAD" // if that is all that an action lacks
			if _, other := rule.Render(ctx, run, f, now, collapsed); other == nil {
				return ended(reactors.Unclear, unread)
			}
		}
		return ended(reactors.Failed, "%v", err)
	}
	return d
}
