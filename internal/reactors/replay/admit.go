package replay

import (
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// admission is a run that went through its limits.
type admission struct {
	h      *held
	number int // of the run's admissions: an older one was undone by reopening
	at     time.Time
}

func (a admission) counts() bool { return a.h.admitted == a.number }

// admit counts a run towards its limits, or answers which is reached. A run
// that has passed once passes again.
func (m *memory) admit(h *held, limits []reactors.Limit, now time.Time) *reactors.Limit {
	if len(limits) == 0 && !h.run.MayLoop || h.admitted > 0 {
		return nil
	}
	for i := range limits {
		if m.admittedSince(&h.run, limits[i], now.Add(-limits[i].Window)) >= limits[i].Max {
			return &limits[i]
		}
	}
	m.lastID++
	h.admitted = int(m.lastID)
	a := admission{h, h.admitted, now}
	m.admitted[h.run.Reactor] = append(m.admitted[h.run.Reactor], a)
	if h.run.MayLoop {
		m.mayLoop[h.run.Space] = append(m.mayLoop[h.run.Space], a)
	}
	return nil
}

// admittedSince counts as the limit says. Admissions are in the order of their
// times, so that only the end of a list is looked at.
func (m *memory) admittedSince(r *reactors.Run, limit reactors.Limit, since time.Time) int {
	list := m.admitted[r.Reactor]
	if limit.Per == reactors.PerSpaceLoop {
		list = m.mayLoop[r.Space]
	}
	n := 0
	for i := len(list) - 1; i >= 0 && list[i].at.After(since); i-- {
		other := &list[i].h.run
		if !list[i].counts() || other.Shadow != r.Shadow {
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
		case reactors.PerSpaceLoop:
			if other.EventTime.Equal(r.EventTime) {
				continue
			}
		}
		n++
	}
	return n
}
