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
	subjects map[subject][]*held // in the order of their steps
	due      queue
	groups   map[group]map[*held]bool // those that wait
	admitted map[string][]admission   // by rule, the newest last
	acted    map[string][]admission   // by the space that they act in, of runs that may loop
	lastID   int64
}

func newMemory() *memory {
	return &memory{
		runs: map[key]*held{}, subjects: map[subject][]*held{}, groups: map[group]map[*held]bool{},
		admitted: map[string][]admission{}, acted: map[string][]admission{},
	}
}

type key struct {
	subject
	step string
}

// subject is what runs of one rule are about.
type subject struct {
	reactor, name string
	shadow        bool
}

// group is the runs that one could speak for.
type group struct {
	reactor, space, step string
	shadow               bool
}

// held is a run in the memory. Its admission lasts until it is reopened.
type held struct {
	run      reactors.Run
	admitted int       // the number of its admission; 0: not admitted
	pass     time.Time // when it counts as admitted
	place    int       // in the queue; -1: it isn't there
	behind   bool      // it is due, and waits for a step before it
}

func keyOf(r *reactors.Run) key { return key{subjectOf(r), r.StepID} }

func subjectOf(r *reactors.Run) subject { return subject{r.Reactor, r.Subject, r.Shadow} }

func groupOf(r *reactors.Run) group { return group{r.Reactor, r.Space, r.StepID, r.Shadow} }

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
	if o == reactors.Collapsed {
		h.admitted = 0
	}
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
	for _, h := range m.subjects[subjectOf(r)] {
		if h.run.Step >= r.Step || h.run.Outcome != reactors.Pending {
			continue
		}
		behind = true
		due = later(due, h.run.Due)
	}
	return due, behind
}

// postpone gives a pending run another due time. The steps after it are due no
// earlier than following says.
func (m *memory) postpone(h *held, until time.Time, reason string, following []reactors.PlannedStep) {
	h.run.Due, h.run.Reason = microseconds(until), reason
	m.due.put(h)
	for _, s := range following {
		f := m.runs[key{subjectOf(&h.run), s.ID}]
		if f == nil || f.run.Outcome != reactors.Pending {
			continue
		}
		f.run.Due = later(f.run.Due, microseconds(s.Due))
		if !f.behind {
			m.due.put(f)
		}
	}
}

// followers lists the later steps of a run's subject that are pending.
func (m *memory) followers(r *reactors.Run) (list []*held) {
	for _, h := range m.subjects[subjectOf(r)] {
		if h.run.Step > r.Step && h.run.Outcome == reactors.Pending {
			list = append(list, h)
		}
	}
	return list
}

// woken lists, in the order in which they are due, the runs that look at their
// until before that: those that were just claimed, and those that wakes find.
func (m *memory) woken(intents []reactors.Intent, wakes []reactors.Wake, at time.Time) (list []*held) {
	add := func(h *held) {
		if h.run.Due.After(at) && !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	for i := range intents {
		for _, h := range m.subjects[subject{intents[i].Reactor, intents[i].Subject, intents[i].Shadow}] {
			if intents[i].Until && h.run.Outcome == reactors.Pending {
				add(h)
			}
		}
	}
	for _, w := range wakes {
		for _, shadow := range []bool{false, true} {
			for h := range m.groups[group{reactor: w.Reactor, space: w.Space, shadow: shadow}] {
				if w.Wakes(&h.run) {
					add(h)
				}
			}
		}
	}
	slices.SortFunc(list, compareDue)
	return list
}

// maxGathered bounds a group, as the store does.
const maxGathered = 1000

// gather lists the other runs that wait for the same step in the same space, of
// events up to a time or due at now, oldest first.
func (m *memory) gather(r *reactors.Run, until, now time.Time) []reactors.Run {
	var list []reactors.Run
	for h := range m.groups[groupOf(r)] {
		if h.run.ID != r.ID && (!h.run.EventTime.After(until) || !h.run.Due.After(now)) {
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
