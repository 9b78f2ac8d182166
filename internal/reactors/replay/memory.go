package replay

import (
	"cmp"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// memory keeps runs as the store does: at most one for each rule,
// subject, step and mode.
type memory struct {
	runs     map[key]*held
	due      queue
	groups   map[group]map[*held]bool // those that wait
	admitted map[string][]admission   // by rule, the newest last
	mayLoop  map[string][]admission   // by space, of runs that may loop
	lastID   int64
}

func newMemory() *memory {
	return &memory{
		runs: map[key]*held{}, groups: map[group]map[*held]bool{},
		admitted: map[string][]admission{}, mayLoop: map[string][]admission{},
	}
}

type key struct {
	reactor, subject string
	step             int
	shadow           bool
}

// group is the runs that one could speak for.
type group struct {
	reactor, space string
	step           int
	shadow         bool
}

// held is a run in the memory. Its admission lasts until it is reopened.
type held struct {
	run      reactors.Run
	admitted int  // the number of its admission; 0: not admitted
	place    int  // in the queue; -1: it isn't there
	behind   bool // it is due, and waits for a step before it
}

func keyOf(r *reactors.Run) key { return key{r.Reactor, r.Subject, r.Step, r.Shadow} }

func groupOf(r *reactors.Run) group { return group{r.Reactor, r.Space, r.Step, r.Shadow} }

// wait enters a pending run in the queue and in its group.
func (m *memory) wait(h *held) {
	if !h.behind {
		m.due.put(h)
	}
	g := groupOf(&h.run)
	if m.groups[g] == nil {
		m.groups[g] = map[*held]bool{}
	}
	m.groups[g][h] = true
}

// finish ends a pending run. The step after it may have waited for that.
func (m *memory) finish(h *held, o reactors.Outcome, reason string) {
	h.run.Outcome, h.run.Reason = o, reason
	m.due.remove(h)
	delete(m.groups[groupOf(&h.run)], h)
	for _, f := range m.followers(&h.run) {
		if _, behind := m.behind(&f.run); f.behind && !behind {
			f.behind = false
			m.due.put(f)
		}
	}
}

// hold takes a run out of the queue until the steps before it have ended, which
// are due at a time. Its age counts from then.
func (m *memory) hold(h *held, due time.Time) {
	h.run.Due = later(h.run.Due, due)
	h.behind = true
	m.due.remove(h)
}

// behind reports whether a step before the run's hasn't ended, and when that step
// is due.
func (m *memory) behind(r *reactors.Run) (due time.Time, behind bool) {
	for step := range r.Step {
		h := m.runs[key{r.Reactor, r.Subject, step, r.Shadow}]
		if h == nil || h.run.Outcome != reactors.Pending {
			continue
		}
		behind = true
		due = later(due, h.run.Due)
	}
	return due, behind
}

// postpone gives a pending run a later due time.
func (m *memory) postpone(h *held, until time.Time, reason string) {
	h.run.Due = later(h.run.Due, until)
	h.run.Reason = reason
	m.due.put(h)
}

// followers lists the later steps of a run's subject that are pending.
func (m *memory) followers(r *reactors.Run) []*held {
	var list []*held
	for step := r.Step + 1; ; step++ {
		h := m.runs[key{r.Reactor, r.Subject, step, r.Shadow}]
		switch {
		case h == nil:
			return list
		case h.run.Outcome == reactors.Pending:
			list = append(list, h)
		}
	}
}

// maxGathered bounds a group, as the store does.
const maxGathered = 1000

// gather lists the other runs that wait for the same step in the same space, of
// events up to a time, oldest first.
func (m *memory) gather(r *reactors.Run, until time.Time) []reactors.Run {
	var list []reactors.Run
	for h := range m.groups[groupOf(r)] {
		if h.run.ID != r.ID && !h.run.EventTime.After(until) {
			list = append(list, h.run)
		}
	}
	slices.SortFunc(list, func(a, b reactors.Run) int {
		return cmp.Or(a.EventTime.Compare(b.EventTime), cmp.Compare(a.ID, b.ID))
	})
	return list[:min(len(list), maxGathered)]
}

// byID finds a run that waits in the group of another.
func (m *memory) byID(r *reactors.Run) *held { return m.runs[keyOf(r)] }
