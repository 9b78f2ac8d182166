package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/decide"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// lookup adds to what a run's event told the state as of a time.
type lookup func(ctx context.Context, run reactors.Run, needs reactors.Needs, at time.Time) (reactors.Facts, error)

// machine carries rules out in virtual time. It is the decide.State that
// decisions ask.
type machine struct {
	set    *rules.Set
	lookup lookup
	byMode bool // a shadow rule's runs end as shadow; else all rules count as live
	memory *memory

	now     time.Time
	entries []Entry
	pulled  map[place]int // how often a rule's triggers were pulled in a space
}

// place is a rule in a space.
type place struct{ reactor, space string }

func newMachine(set *rules.Set, facts lookup, byMode bool) *machine {
	return &machine{set: set, lookup: facts, byMode: byMode, memory: newMemory(), pulled: map[place]int{}}
}

var _ decide.State = (*machine)(nil)

// FactsOfAll implements decide.State.
func (m *machine) FactsOfAll(ctx context.Context, runs []reactors.Run, needs reactors.Needs, at time.Time) (_ []reactors.Facts, err error) {
	all := make([]reactors.Facts, len(runs))
	for i := 0; i < len(runs) && err == nil; i++ {
		all[i], err = m.lookup(ctx, runs[i], needs, at)
	}
	return all, err
}

// Admit implements decide.State.
func (m *machine) Admit(_ context.Context, run reactors.Run, limits []reactors.Limit, open func(time.Time) time.Time, now time.Time) (
	*reactors.Limit, time.Time, error,
) {
	reached, pass := m.memory.admit(m.memory.byID(&run), limits, open, now)
	return reached, pass, nil
}

// Gather implements decide.State.
func (m *machine) Gather(_ context.Context, run reactors.Run, until, now time.Time) ([]reactors.Run, error) {
	return m.memory.gather(&run, until, now), nil
}

// happen carries out what fell due before a time, claims what is asked for then,
// and lets runs look at their until. Of a schedule's tick, a repetition is no
// evaluation of its own.
func (m *machine) happen(ctx context.Context, at time.Time, intents []reactors.Intent, wakes []reactors.Wake, ticks bool) error {
	if err := m.carryOut(ctx, at, true); err != nil {
		return err
	}
	m.advance(at)
	for i := range intents {
		in := &intents[i]
		m.pulled[place{in.Reactor, in.Space}]++
		if !m.byMode {
			// As the runs of a shadow rule all are treated alike, and their
			// ids are none that a real message could have.
			in.Shadow = true
		}
		if ticks && len(in.Steps) > 0 {
			in.Outcome = reactors.AlreadyDone
		}
	}
	rest, err := m.memory.claim(intents)
	if err != nil {
		return err
	}
	for i := range rest {
		in := &rest[i]
		m.entries = append(m.entries, Entry{
			At: at, Reactor: in.Reactor, Trigger: in.Trigger, EventTime: in.EventTime, Space: in.Space, Member: in.Member,
			Subject: in.Subject, Shadow: m.byMode && in.Shadow, Outcome: in.Outcome, Reason: in.Reason, Step: NoStep,
		})
	}
	for _, h := range m.memory.woken(intents, wakes, at) {
		if err := m.attempt(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) advance(to time.Time) { m.now = later(m.now, to) }

// carryOut attempts the runs that are due up to a time, or before it.
func (m *machine) carryOut(ctx context.Context, until time.Time, before bool) error {
	for {
		h, ok := m.memory.due.next(until, before)
		if !ok {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		m.advance(h.run.Due)
		if due, behind := m.memory.behind(&h.run); behind {
			m.memory.hold(h, due)
			continue
		}
		if err := m.attempt(ctx, h); err != nil {
			return err
		}
	}
}

// drain carries out all that waits, whenever it is due.
func (m *machine) drain(ctx context.Context) error {
	for len(m.memory.due.list) > 0 {
		if err := m.carryOut(ctx, m.memory.due.list[0].run.Due, false); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) attempt(ctx context.Context, h *held) error {
	rule := m.set.Rule(h.run.Reactor, h.run.Space)
	d, err := decide.Decide(ctx, rule, h.run, m, m.now)
	switch {
	case err != nil:
		return err
	case d.Requests != nil:
		if m.now.Before(h.run.Due) {
			h.run.Due = m.now // until made it due
		}
		for i := range d.Speaks {
			m.end(m.memory.byID(&d.Speaks[i]), reactors.Collapsed, "another run speaks for it", nil)
		}
		m.end(h, m.done(h.run), "", d.Requests)
	case d.Outcome == reactors.Pending:
		if !d.Until.After(m.now) {
			return fmt.Errorf("carry out reactor %q at %s: %w", h.run.Reactor, m.now.Format(time.RFC3339), errStuck)
		}
		var following []reactors.PlannedStep
		if !d.Until.Equal(h.run.Due) {
			following = rule.Following(h.run.StepID, d.Until)
		}
		m.memory.postpone(h, d.Until, d.Reason, following)
	default:
		m.end(h, d.Outcome, d.Reason, nil)
		if d.Outcome == reactors.Left || d.Outcome == reactors.Stopped {
			for _, f := range m.memory.followers(&h.run) {
				m.end(f, d.Outcome, d.Reason, nil)
			}
		}
	}
	return nil
}

var errStuck = errors.New("it waits without an end")

// done returns the outcome of a run whose requests all succeed.
func (m *machine) done(run reactors.Run) reactors.Outcome {
	if m.byMode && run.Shadow {
		return reactors.Shadowed
	}
	return reactors.Sent
}

func (m *machine) end(h *held, o reactors.Outcome, reason string, requests []reactors.Request) {
	m.memory.finish(h, o, reason)
	m.entries = append(m.entries, m.entry(&h.run, requests))
}

func (m *machine) entry(r *reactors.Run, requests []reactors.Request) Entry {
	return Entry{
		At: m.now, Reactor: r.Reactor, Step: r.Step, Trigger: r.Trigger, EventTime: r.EventTime, Due: r.Due,
		Space: r.Space, Member: r.Member, Subject: r.Subject, Shadow: m.byMode && r.Shadow,
		Outcome: r.Outcome, Reason: r.Reason, Requests: requests,
	}
}
