package replay

import (
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// admission is a run that went through its limits.
type admission struct {
	h      *held
	number int // of the run's admissions: an older one was undone by reopening
	at     time.Time
}

func (a admission) counts() bool { return a.h.admitted == a.number }

// admit counts a run towards its limits, or answers which is reached, as the
// store does: pass is when it may go on. A run that has passed once passes again,
// unless it has let its time go by.
func (m *memory) admit(h *held, limits []reactors.Limit, open func(time.Time) time.Time, now time.Time) (
	reached *reactors.Limit, pass time.Time,
) {
	if h.admitted > 0 && reactors.PassesAgain(limits, h.pass, now) {
		return nil, h.pass
	}
	if len(limits) == 0 && h.run.ActsIn == "" {
		return nil, now
	}
	var wait []reactors.Limit
	var passed [][]time.Time
	for i := range limits {
		times := m.admittedSince(&h.run, limits[i], limits[i].Since(h.run, now))
		switch {
		case limits[i].Later:
			wait, passed = append(wait, limits[i]), append(passed, times)
		case len(times) >= limits[i].Max:
			return &limits[i], time.Time{}
		}
	}
	reached, pass = reactors.Pass(now, wait, passed, open)
	m.lastID++
	h.admitted, h.pass = int(m.lastID), pass
	a := admission{h, h.admitted, pass}
	m.admitted[h.run.Reactor] = insert(m.admitted[h.run.Reactor], a)
	if in := h.run.ActsIn; in != "" {
		m.acted[in] = insert(m.acted[in], a)
	}
	return reached, pass
}

// insert keeps a list in the order of times.
func insert(list []admission, a admission) []admission {
	i, _ := slices.BinarySearchFunc(list, a, func(x, a admission) int {
		if x.at.After(a.at) {
			return 1
		}
		return -1
	})
	return slices.Insert(list, i, a)
}

// admittedSince lists what counts as the limit says. Admissions are in the order
// of their times, so that only the end of a list is looked at.
func (m *memory) admittedSince(r *reactors.Run, limit reactors.Limit, since time.Time) (times []time.Time) {
	list := m.admitted[r.Reactor]
	if limit.Per == reactors.PerApp {
		list = m.acted[r.ActsIn]
	}
	for i := len(list) - 1; i >= 0 && list[i].at.After(since); i-- {
		other := &list[i].h.run
		if !list[i].counts() || other.ID == r.ID || other.Shadow != r.Shadow {
			continue
		}
		switch limit.Per {
		case reactors.PerSpace:
			if other.Space != r.Space {
				continue
			}
		case reactors.PerMember:
			if other.Member != r.Member {
				continue
			}
		case reactors.PerApp:
			answers := other.Member == r.Member || r.ActsIn == r.Space && other.Facts.Member.Type != string(events.UserBot)
			if !answers || other.EventTime.Equal(r.EventTime) {
				continue
			}
		}
		times = append(times, list[i].at)
	}
	slices.Reverse(times)
	return times
}
