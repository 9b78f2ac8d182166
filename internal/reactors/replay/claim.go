package replay

import (
	"fmt"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// claim adds the runs that are not there yet and reopens those in which nothing
// was done, as the store does with the intents of one transaction. It returns
// the intents that led to no run, with their outcomes.
func (m *memory) claim(intents []reactors.Intent) ([]reactors.Intent, error) {
	m.nameRounds(intents)
	won := map[*reactors.Intent]bool{}
	for _, c := range reactors.Claims(intents) {
		is, err := m.claimStep(c)
		if err != nil {
			return nil, err
		}
		if is {
			won[c.Intent] = true
		}
	}
	return reactors.WithoutRun(intents, won), nil
}

// nameRounds gives intents of rules that act again after a time the subject of
// the round that they belong to, as the store does.
func (m *memory) nameRounds(intents []reactors.Intent) {
	for i := range intents {
		in := &intents[i]
		if in.Again == 0 {
			continue
		}
		in.Subject = reactors.Round(in.Subject, m.round(in))
	}
}

func (m *memory) round(in *reactors.Intent) int {
	n := 1
	for m.subjects[subject{in.Reactor, reactors.Round(in.Subject, n+1), in.Shadow}] != nil {
		n++
	}
	var doneFor time.Time
	for _, h := range m.subjects[subject{in.Reactor, reactors.Round(in.Subject, n), in.Shadow}] {
		switch o := h.run.Outcome; {
		case o == reactors.Pending:
			return n
		case !o.Reopens():
			doneFor = later(doneFor, h.run.EventTime)
		}
	}
	if !doneFor.IsZero() && !doneFor.After(microseconds(in.EventTime.Add(-in.Again))) {
		n++
	}
	return n
}

// claimStep reports whether the step was added or reopened. One that waits
// becomes as young as the newest event.
func (m *memory) claimStep(c reactors.Claim) (bool, error) {
	run := reactors.Run{
		Reactor: c.Reactor, Step: c.Step, StepID: c.ID, Subject: c.Subject, Shadow: c.Shadow, Trigger: c.Trigger,
		Space: c.Space, Member: c.Member, ActsIn: c.ActsIn,
		EventTime: microseconds(c.EventTime), Due: microseconds(c.Due), Hash: c.Hash, Outcome: reactors.Pending,
	}
	if len(c.Facts) > 0 {
		if err := run.ReadFacts(c.Facts); err != nil {
			return false, fmt.Errorf("read the facts of an event for reactor %q: %w", c.Reactor, err)
		}
	}
	h := m.runs[keyOf(&run)]
	switch {
	case h == nil:
		m.lastID++
		run.ID = m.lastID
		h = &held{run: run, place: -1}
		m.runs[keyOf(&run)] = h
		m.subjects[subjectOf(&run)] = append(m.subjects[subjectOf(&run)], h)
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

// refresh makes a run that waits one about a newer event. It is due no
// earlier than it was.
func (m *memory) refresh(h *held, run reactors.Run) {
	delete(m.groups[groupOf(&h.run)], h)
	run.ID, run.Reason = h.run.ID, h.run.Reason
	run.Due = later(run.Due, h.run.Due)
	h.run = run
	m.wait(h)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// microseconds cuts a time to what the store keeps.
func microseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
