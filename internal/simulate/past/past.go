// Package past makes up what happened in a simulated Workspace before it began:
// weeks with working days and weekends, people who come and go, conversations
// with and without answers, and times of which nobody was told.
//
// It promises a past that is the same for a seed, ends before a time, and leads
// to the Workspace as it is: who was in a space last is a member now, and what a
// space was called last is its name. Every delivery is one as Google sends it,
// or as a backfill fetches it later.
//
// The caller passes a Workspace that nobody uses yet: [New] adds the people who
// have left meanwhile and external ones. An error means that the Workspace
// has no space or nobody in one.
package past

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Options say what past to make up.
type Options struct {
	Seed     uint64
	From, To time.Time      // it begins at the one and ends before the other
	Zone     *time.Location // in which people work
}

// Past is what happened. It belongs to one goroutine.
type Past struct {
	calendar
	rng    *rand.Rand
	spaces []*space
	people map[string]*person // by "users/U"
	apps   []*person

	taken   map[string]bool // ids of events
	deleted int             // messages so far
	pending []events.Delivery
}

// New makes up the people, and prepares the Workspace for them.
func New(w *simulate.Workspace, o Options) (*Past, error) {
	p := &Past{
		calendar: newCalendar(o),
		rng:      rand.New(rand.NewPCG(o.Seed, 0xba57)),
		people:   map[string]*person{}, taken: map[string]bool{},
	}
	for i, info := range w.Spaces() {
		s := &space{info: info, index: i, source: subscriptionOf(info.Name)}
		s.losses = p.lossesOf(s)
		if err := p.populate(w, s); err != nil {
			return nil, fmt.Errorf("make up the past of %s: %w", info.Name, err)
		}
		p.spaces = append(p.spaces, s)
	}
	for range 2 {
		id := fmt.Sprintf("users/1%010d%010d", p.rng.Int64N(1e10), p.rng.Int64N(1e10))
		p.apps = append(p.apps, &person{name: id, bot: true})
	}
	return p, nil
}

// Space is what was known of a space.
type Space struct {
	Name         string // "spaces/S"
	First        string // its display name at the beginning
	Subscription string // "subscriptions/S", of the past
}

// Spaces lists all.
func (p *Past) Spaces() (list []Space) {
	for _, s := range p.spaces {
		list = append(list, Space{s.info.Name, p.titleAt(s, p.from), s.source})
	}
	return list
}

// Loss is a time in which a space's events were published to nobody.
type Loss struct {
	Space    string // "spaces/S"
	From, To time.Time
	Fetched  bool // by a backfill, right afterwards; else they are lost for good
}

// Losses are in the order of their beginnings: one of two days in one space, and
// one of some hours in all.
func (p *Past) Losses() (list []Loss) {
	for _, s := range p.spaces {
		for _, l := range s.losses {
			list = append(list, Loss{s.info.Name, l.from, l.to, l.fetched})
		}
	}
	slices.SortStableFunc(list, func(x, y Loss) int { return x.From.Compare(y.From) })
	return list
}

// lateness is how much later than it happened a thing may arrive.
const lateness = 9 * time.Hour

// Days lists what was delivered on each day, in the order of arrival, with the
// day's end. It can be called once.
func (p *Past) Days() iter.Seq2[time.Time, []events.Delivery] {
	return func(yield func(time.Time, []events.Delivery) bool) {
		for day := p.midnight(p.from); day.Before(p.to); day = p.tomorrow(day) {
			end := p.tomorrow(day)
			if end.After(p.to) {
				end = p.to
			}
			for _, s := range p.spaces {
				p.live(s, day)
			}
			if !yield(end, p.arrived(end)) {
				return
			}
		}
	}
}

// arrived takes what has arrived by then from what is pending.
func (p *Past) arrived(end time.Time) (list []events.Delivery) {
	p.pending = slices.DeleteFunc(p.pending, func(d events.Delivery) bool {
		if !d.ReceivedAt.Before(end) {
			return false
		}
		list = append(list, d)
		return true
	})
	slices.SortStableFunc(list, func(x, y events.Delivery) int { return x.ReceivedAt.Compare(y.ReceivedAt) })
	return list
}

// live lets happen what begins in a space on a day.
func (p *Past) live(s *space, day time.Time) {
	p.memberships(s, day)
	p.describe(s, day)
	p.post(s, day)
	volume := 30 / (1 + 0.5*float64(s.index)) * p.activity(s, day)
	for range max(0, int(volume+p.rng.NormFloat64()*volume/8+p.rng.Float64())) {
		p.converse(s, p.workingTime(day))
	}
}

// pick chooses one of several.
func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }
