package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// Past is what was recorded: the store.
type Past interface {
	// History tells, in the order of their times, the changes that were
	// delivered live in (since, until].
	History(ctx context.Context, since, until time.Time, f reactors.Filter, each func(reactors.Change) error) error
	// FactsAsOf adds to what a run's event told the state as of a time.
	FactsAsOf(ctx context.Context, run reactors.Run, needs reactors.Needs, at time.Time) (reactors.Facts, error)
	// Reach tells where schedules hold.
	Reach(ctx context.Context) (reactors.Reach, error)
}

// Options say what to replay.
type Options struct {
	Since, Until time.Time // the window: what happened in (Since, Until]

	// Horizon is until when runs are carried out that the window has led to;
	// what isn't due by then is pending. Zero: Until.
	Horizon time.Time

	// Reactor leaves out the other rules, Space the other spaces; "" for none.
	// What they do to shared limits counts all the same.
	Reactor, Space string

	// ByMode takes rules by their modes: the runs of a shadow rule end as
	// shadow. Otherwise it is as if all rules that aren't off were live.
	ByMode bool

	// Progress is called as virtual time goes on, often; nil for nobody.
	Progress func(at time.Time)
}

// History replays rules on the past.
func History(ctx context.Context, set *rules.Set, past Past, o Options) (*Result, error) {
	if o.Progress == nil {
		o.Progress = func(time.Time) {}
	}
	m := newMachine(set, recorded(past), o.ByMode)
	p := &player{machine: m, opts: o}
	if err := p.schedules(ctx, past); err != nil {
		return nil, err
	}
	// Of all spaces: what happens elsewhere counts for limits and for who was greeted.
	err := past.History(ctx, o.Since, o.Until, reactors.Filter{Kinds: set.Kinds()}, func(c reactors.Change) error { return p.change(ctx, c) })
	if err == nil {
		err = p.finish(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("replay the time since %s: %w", o.Since.UTC().Format(time.RFC3339), err)
	}
	return m.result(o.Reactor, o.Space), nil
}

// recorded looks up what is recorded, and marks the messages that a worker would
// read from Chat: those of before recording began.
func recorded(past Past) lookup {
	return func(ctx context.Context, run reactors.Run, needs reactors.Needs, at time.Time) (reactors.Facts, error) {
		f, err := past.FactsAsOf(ctx, run, needs, at)
		if needs&f.Untold()&reactors.NeedMessage != 0 && f.Message.Thread == "" {
			f.Unread = reactors.NeedMessage
		}
		return f, err
	}
}

// player feeds a machine with what happened.
type player struct {
	machine *machine
	opts    Options

	ticks []rules.Tick // that are still to come
	reach reactors.Reach

	// The changes of one event are claimed together, as they are recorded.
	event   string
	at      time.Time
	intents []reactors.Intent
	wakes   []reactors.Wake
}

func (p *player) schedules(ctx context.Context, past Past) (err error) {
	p.ticks = p.machine.set.Due(p.opts.Since, p.opts.Until)
	if len(p.ticks) > 0 {
		p.reach, err = past.Reach(ctx)
	}
	return err
}

// change takes one item of the past.
func (p *player) change(ctx context.Context, c reactors.Change) error {
	at := microseconds(c.Event.Time)
	p.opts.Progress(at)
	if c.Event.ID == "" || c.Event.ID != p.event || !at.Equal(p.at) {
		if err := p.settle(ctx); err != nil {
			return err
		}
		if err := p.tick(ctx, at, false); err != nil {
			return err
		}
		p.event, p.at = c.Event.ID, at
	}
	p.intents = append(p.intents, p.wanted(p.machine.set.PlanAll(c))...)
	p.wakes = append(p.wakes, p.machine.set.Wakes(reactors.FactsOf(c, reactors.TriggerOf(c)))...)
	return nil
}

// settle claims what the event asked for whose changes have all been seen.
func (p *player) settle(ctx context.Context) error {
	if len(p.intents) == 0 && len(p.wakes) == 0 {
		return nil
	}
	intents, wakes := p.intents, p.wakes
	p.intents, p.wakes = nil, nil
	return p.machine.happen(ctx, p.at, intents, wakes, false)
}

// tick claims the runs of schedules that fall due before a time, or also at it.
func (p *player) tick(ctx context.Context, until time.Time, inclusive bool) error {
	for len(p.ticks) > 0 {
		t := p.ticks[0]
		if c := t.At.Compare(until); c > 0 || c == 0 && !inclusive {
			return nil
		}
		p.ticks = p.ticks[1:]
		p.opts.Progress(t.At)
		if err := p.machine.happen(ctx, t.At, p.wanted(p.machine.set.PlanTick(t, p.reach)), nil, true); err != nil {
			return err
		}
	}
	return nil
}

// wanted leaves out what has no influence on the rule in question: all but its
// own intents, and what may loop, as one limit counts that over all rules.
func (p *player) wanted(intents []reactors.Intent) []reactors.Intent {
	if p.opts.Reactor == "" {
		return intents
	}
	return slices.DeleteFunc(intents, func(in reactors.Intent) bool { return in.Reactor != p.opts.Reactor && in.ActsIn == "" })
}

func (p *player) finish(ctx context.Context) error {
	if err := p.settle(ctx); err != nil {
		return err
	}
	if err := p.tick(ctx, p.opts.Until, true); err != nil {
		return err
	}
	horizon := later(p.opts.Until, p.opts.Horizon)
	if err := p.machine.carryOut(ctx, horizon, false); err != nil {
		return err
	}
	p.machine.advance(horizon)
	return nil
}
