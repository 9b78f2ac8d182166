package metricstest

import (
	"math"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// answer is a value with what it is made of. NaN stands for null.
type answer struct{ value, numerator, denominator float64 }

var null = math.NaN()

func count[N int | float64](n N) answer { return answer{float64(n), null, null} }

func share[N int | float64](numerator N, denominator int) answer {
	if denominator == 0 {
		return answer{null, float64(numerator), 0}
	}
	return answer{float64(numerator) / float64(denominator), float64(numerator), float64(denominator)}
}

// percentile is between two values if it falls between them.
func percentile(values []float64, p float64) answer {
	if len(values) == 0 {
		return answer{null, null, 0}
	}
	slices.Sort(values)
	at := p * float64(len(values)-1)
	low, high := values[int(math.Floor(at))], values[int(math.Ceil(at))]
	return answer{low + (high-low)*(at-math.Floor(at)), null, float64(len(values))}
}

// window is what a metric is asked for.
type window struct {
	since, until day
	space        string
}

// asker answers for a window by going through all that happened, once for each
// question.
type asker struct {
	*history
	window
	from, to time.Time // of the window
}

func (h *history) ask(w window) asker {
	return asker{h, w, w.since.start(h.zone), w.until.start(h.zone)}
}

func (a asker) has(s *space) bool { return a.space == "all" || a.space == s.name }

func (a asker) inside(t time.Time) bool { return !t.Before(a.from) && t.Before(a.to) }

// between returns the people's messages of the days.
func (a asker) between(since, until day) []*message {
	from, to := since.start(a.zone), until.start(a.zone)
	var list []*message
	for _, m := range a.messages {
		if a.has(m.space) && !m.sender.app && !m.sent.Before(from) && m.sent.Before(to) {
			list = append(list, m)
		}
	}
	return list
}

func (a asker) posters(since, until day) map[*person]int {
	posters := map[*person]int{}
	for _, m := range a.between(since, until) {
		posters[m.sender]++
	}
	return posters
}

// active returns who wrote or reacted on the days.
func (a asker) active(since, until day) map[*person]bool {
	active := map[*person]bool{}
	for p := range a.posters(since, until) {
		active[p] = true
	}
	from, to := since.start(a.zone), until.start(a.zone)
	for _, r := range a.reactions {
		if a.has(r.message.space) && !r.added.Before(from) && r.added.Before(to) {
			active[r.person] = true
		}
	}
	return active
}

// members returns who was there at a time, as far as it was known then.
func (a asker) members(at time.Time) map[*person]bool {
	members := map[*person]bool{}
	for _, s := range a.stays {
		if a.has(s.space) && !s.person.app && s.known.Before(at) && (s.left.IsZero() || !s.left.Before(at)) {
			members[s.person] = true
		}
	}
	return members
}

func (a asker) joins() []*stay {
	var list []*stay
	for _, s := range a.stays {
		if a.has(s.space) && !s.person.app && !s.joined.IsZero() && a.inside(s.joined) {
			list = append(list, s)
		}
	}
	return list
}

func (a asker) leaves() (list []*stay) {
	for _, s := range a.stays {
		if a.has(s.space) && !s.person.app && !s.left.IsZero() && a.inside(s.left) {
			list = append(list, s)
		}
	}
	return list
}

// activated reports whether a message or a reaction followed in the space.
func (a asker) activated(s *stay) bool {
	soon := func(t time.Time) bool { return !t.Before(s.joined) && t.Before(s.joined.Add(7*24*time.Hour)) }
	return slices.ContainsFunc(a.messages, func(m *message) bool {
		return m.space == s.space && m.sender == s.person && soon(m.sent)
	}) || slices.ContainsFunc(a.reactions, func(r *reaction) bool {
		return r.message.space == s.space && r.person == s.person && soon(r.added)
	})
}

func (a asker) activation(of func(*stay) bool) answer {
	n, active := 0, 0
	for _, s := range a.joins() {
		if of(s) {
			n++
			if a.activated(s) {
				active++
			}
		}
	}
	return share(active, n)
}

// welcome returns when somebody who joined was welcomed.
func (a asker) welcome(s *stay) (time.Time, bool) {
	for _, r := range a.runs {
		if r.stay == s && !r.shadow && (r.outcome == "sent" || r.outcome == "collapsed") {
			return r.finished, true
		}
	}
	return time.Time{}, false
}

// ruled reports whether a rule had anything to do with joins.
func (a asker) ruled() bool {
	return slices.ContainsFunc(a.runs, func(r run) bool { return a.has(r.stay.space) && !r.shadow && a.inside(r.stay.joined) })
}

// thread is what became of one that a person began.
type thread struct {
	answered bool
	wait     time.Duration
	reacted  bool
}

const week = 7 * 24 * time.Hour

func (a asker) threads() []thread {
	var list []thread
	for _, root := range a.between(a.since, a.until) {
		if root.root != nil || root.deleted || !root.space.threaded {
			continue
		}
		var th thread
		for _, m := range a.messages {
			if wait := m.sent.Sub(root.sent); m.root == root && m.sender != root.sender && !m.sender.app && !m.deleted && wait < week {
				if !th.answered || wait < th.wait {
					th.answered, th.wait = true, wait
				}
			}
		}
		for _, r := range a.reactions {
			if r.message == root && !r.removed && r.person != root.sender && r.added.Sub(root.sent) < week {
				th.reacted = true
			}
		}
		list = append(list, th)
	}
	return list
}

func (a asker) response(p float64) answer {
	var waits []float64
	for _, th := range a.threads() {
		if th.answered {
			waits = append(waits, float64(th.wait.Milliseconds()/1000))
		}
	}
	return percentile(waits, p)
}

// change counts who is new, who is back, and who is gone.
func (a asker) change() (fresh, back, lost int) {
	ever, before := a.posters(-1e6, a.since), a.posters(a.since-90, a.since)
	now := a.posters(a.since, a.until)
	for p := range now {
		switch {
		case ever[p] == 0:
			fresh++
		case before[p] == 0:
			back++
		}
	}
	for p, n := range before {
		if n >= 4 && now[p] == 0 {
			lost++
		}
	}
	return fresh, back, lost
}

// coveredDay is which share of a day was seen; null if nobody had asked for it.
func (a asker) coveredDay(d day) float64 {
	from, to := d.start(a.zone), (d + 1).start(a.zone)
	sum, n := 0.0, 0
	for _, s := range a.spaces {
		if !a.has(s) {
			continue
		}
		asked, seen := false, time.Duration(0)
		for _, c := range a.covered {
			begin, end := latest(c.from, from), earliest(c.to, to)
			if c.space != s || !begin.Before(end) {
				continue
			}
			if asked = true; c.source != "gap" {
				seen += end.Sub(begin)
			}
		}
		if asked {
			sum += float64(seen) / float64(to.Sub(from))
			n++
		}
	}
	return sum / float64(n)
}

func latest(a, b time.Time) time.Time { return slices.MaxFunc([]time.Time{a, b}, time.Time.Compare) }

func earliest(a, b time.Time) time.Time { return slices.MinFunc([]time.Time{a, b}, time.Time.Compare) }

// coverage is the mean of the days; those that nobody had asked for weren't covered.
func (a asker) coverage(since, until day) (sum float64, days int) {
	known := false
	for d := since; d < until; d++ {
		if c := a.coveredDay(d); !math.IsNaN(c) {
			known, sum = true, sum+c
		}
	}
	if !known {
		return null, 0
	}
	return sum, int(until - since)
}

// sawAnything reports whether it can be told what happened on a day.
func (a asker) sawAnything(d day) bool {
	if a.coveredDay(d) > 0 {
		return true
	}
	return slices.ContainsFunc(a.messages, func(m *message) bool { return a.has(m.space) && dayOf(m.sent, a.zone) == d }) ||
		slices.ContainsFunc(a.reactions, func(r *reaction) bool { return a.has(r.message.space) && dayOf(r.added, a.zone) == d })
}

// ifSeen is null if nothing can be told of the time before the window.
func (a asker) ifSeen(since day, of answer) answer {
	for d := since; d < a.since; d++ {
		if a.sawAnything(d) {
			return of
		}
	}
	return count(null)
}

// lags are those of the live events of the last day, each counted once.
func (a asker) lags() []float64 {
	var list []float64
	seen := map[string]bool{}
	for _, d := range a.deliveries {
		it := d.Event.Items[0]
		if seen[d.Event.ID] || d.Origin != events.OriginLive || dayOf(d.Event.Time, a.zone) != a.until-1 || a.space != "all" && a.space != it.Space {
			continue
		}
		seen[d.Event.ID] = true
		list = append(list, d.ReceivedAt.Sub(d.Event.Time).Seconds())
	}
	return list
}
