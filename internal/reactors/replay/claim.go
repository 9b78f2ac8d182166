package replay

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// claimed is one step of an intent.
type claimed struct {
	intent *reactors.Intent
	step   int
	due    time.Time
}

func (c claimed) key() key {
	return key{c.intent.Reactor, c.intent.Subject, c.step, c.intent.Shadow}
}

// claim adds the runs that are not there yet and reopens those in which nothing
// was done, as the store does with the intents of one transaction. It returns
// the intents that led to no run, with their outcomes. quietly leaves out those
// that repeat an earlier one.
func (m *memory) claim(intents []reactors.Intent, quietly bool) ([]reactors.Intent, error) {
	var steps []claimed
	for i := range intents {
		for _, s := range intents[i].Steps {
			steps = append(steps, claimed{&intents[i], s.Step, microseconds(s.Due)})
		}
	}
	slices.SortStableFunc(steps, func(x, y claimed) int {
		return cmp.Or(x.key().compare(y.key()), y.intent.EventTime.Compare(x.intent.EventTime))
	})
	steps = slices.CompactFunc(steps, func(x, y claimed) bool { return x.key() == y.key() }) // the newest is first
	won := map[*reactors.Intent]bool{}
	for _, s := range steps {
		is, err := m.claimStep(s)
		if err != nil {
			return nil, err
		}
		if is {
			won[s.intent] = true
		}
	}
	var rest []reactors.Intent
	for i := range intents {
		in := intents[i]
		switch {
		case len(in.Steps) == 0:
			rest = append(rest, in)
		case !won[&intents[i]] && !quietly:
			in.Outcome, in.Reason = reactors.AlreadyDone, "once_per: "+in.Subject
			rest = append(rest, in)
		}
	}
	return rest, nil
}

// claimStep reports whether the step was added or reopened. One that waits
// becomes as young as the newest event.
func (m *memory) claimStep(c claimed) (bool, error) {
	in := c.intent
	run := reactors.Run{
		Reactor: in.Reactor, Step: c.step, Subject: in.Subject, Shadow: in.Shadow, Trigger: in.Trigger,
		Space: in.Space, Member: in.Member, MayLoop: in.MayLoop,
		EventTime: microseconds(in.EventTime), Due: c.due, Hash: in.Hash, Outcome: reactors.Pending,
	}
	if len(in.Facts) > 0 {
		if err := run.ReadFacts(in.Facts); err != nil {
			return false, fmt.Errorf("read the facts of an event for reactor %q: %w", in.Reactor, err)
		}
	}
	h := m.runs[c.key()]
	switch {
	case h == nil:
		m.lastID++
		run.ID = m.lastID
		h = &held{run: run, place: -1}
		m.runs[c.key()] = h
	case !run.EventTime.After(h.run.EventTime):
		return false, nil
	case h.run.Outcome == reactors.Pending:
		m.refresh(h, run)
		return false, nil
	case !h.run.Outcome.Reopens():
		return false, nil
	default:
		run.ID = h.run.ID
		h.run, h.admitted, h.behind = run, 0, false
	}
	m.wait(h)
	return true, nil
}

// refresh makes a run that waits one about a newer event. Its turn comes no
// earlier than it did.
func (m *memory) refresh(h *held, run reactors.Run) {
	delete(m.groups[groupOf(&h.run)], h)
	run.ID, run.Reason = h.run.ID, h.run.Reason
	if h.run.Due.After(run.Due) {
		run.Due = h.run.Due
	}
	h.run = run
	m.wait(h)
}

// microseconds cuts a time to what the store keeps.
func microseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
