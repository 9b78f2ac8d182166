package metricstest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// history is what happened in a Workspace, as somebody who saw it all would
// write it down, and the events that told it.
type history struct {
	zone       *time.Location
	spaces     []*space
	people     []*person
	stays      []*stay
	messages   []*message
	reactions  []*reaction
	runs       []run
	covered    []interval
	deliveries []events.Delivery

	quarantined []time.Time // when a message came that nobody can read
	first       day         // that anything is recorded of
}

type space struct {
	name     string
	threaded bool
	present  map[*person]*stay
}

type person struct {
	name string
	app  bool
	away bool // writes in the first days and in the last weeks only
}

// stay is how somebody was in a space; joined is zero for who was there before
// anything was recorded.
type stay struct {
	space               *space
	person              *person
	known, joined, left time.Time
}

type message struct {
	name    string
	space   *space
	sender  *person
	root    *message // that it answers; nil if it began a thread
	sent    time.Time
	edited  bool
	deleted bool
}

type reaction struct {
	message *message
	person  *person
	emoji   string
	added   time.Time
	removed bool
}

// run is what a rule on member.joined did.
type run struct {
	stay     *stay
	outcome  string
	shadow   bool
	finished time.Time
}

// interval is a time in which a space was watched, or missed.
type interval struct {
	space    *space
	from, to time.Time
	source   string
}

// plan says what sort of Workspace it is.
type plan struct {
	zone            string
	days            int // up to the day before [end]
	threaded, flat  int // spaces
	people          int
	messages        float64 // a day and space
	apps, welcoming bool
	gaps            bool // coverage is known, and has holes
	edges           bool // nothing but what is just inside or outside of what metrics count
}

// end is the begin of the first day on which nothing happens any more.
const endDay = "2026-11-10"

// author lets things happen.
type author struct {
	*rand.Rand
	*history
	plan plan
	n    int
}

// write draws a history. It is the same for a seed.
func write(seed uint64, p plan) *history {
	zone, err := time.LoadLocation(p.zone)
	if err != nil {
		panic(err)
	}
	a := &author{Rand: rand.New(rand.NewPCG(seed, 13)), history: &history{zone: zone}, plan: p}
	for i := range p.people {
		a.people = append(a.people, &person{name: fmt.Sprintf("users/1%03d", i), app: p.apps && i == 0, away: i == 2})
	}
	end := parseDay(endDay)
	first := end - day(p.days)
	a.first = first
	for i := range p.threaded + p.flat {
		a.open(fmt.Sprintf("spaces/M%d", i), i < p.threaded, first)
	}
	if p.edges {
		a.edges(a.spaces[0], end-28)
	}
	for d := first; d < end && !p.edges; d++ {
		for _, s := range a.spaces {
			a.live(s, d)
		}
	}
	if p.gaps {
		for _, s := range a.spaces {
			a.watch(s, first, end)
		}
	}
	for range 5 {
		a.quarantined = append(a.quarantined, a.at(first+day(a.IntN(p.days))))
	}
	// They come late, twice, by a backfill, and in any order.
	for i := range a.deliveries {
		switch d := &a.deliveries[i]; {
		case a.chance(10):
			d.ReceivedAt = d.ReceivedAt.Add(time.Duration(a.IntN(72)) * time.Hour)
		case a.chance(10) && d.Event.Items[0].Verb == events.VerbCreated:
			*d = storetest.Backfilled(*d)
		case a.chance(5):
			a.deliveries = append(a.deliveries, *d)
		}
	}
	a.Shuffle(len(a.deliveries), func(i, j int) { a.deliveries[i], a.deliveries[j] = a.deliveries[j], a.deliveries[i] })
	return a.history
}

func (a *author) chance(percent int) bool { return a.IntN(100) < percent }

// at draws a time of the day, more often one in the hours of work.
func (a *author) at(d day) time.Time {
	start, end := d.start(a.zone), (d + 1).start(a.zone)
	t := start.Add(time.Duration(a.Int64N(int64(end.Sub(start))))).Truncate(time.Millisecond)
	if hour := t.In(a.zone).Hour(); (hour < 8 || hour > 18) && a.chance(70) {
		return a.at(d)
	}
	return t
}

// tell adds the event of an item.
func (a *author) tell(at time.Time, it events.Item) {
	a.n++
	d := storetest.Live(fmt.Sprint("e", a.n), at, it)
	d.Event.ID = strings.Replace(d.Event.ID, "spaces/S/", it.Space+"/", 1)
	d.Attributes["ce-id"] = d.Event.ID
	d.ReceivedAt = at.Add(time.Duration(50+a.IntN(3000)) * time.Millisecond)
	a.deliveries = append(a.deliveries, d)
}

// open lets a space be known, and some be in it from before.
func (a *author) open(name string, threaded bool, d day) {
	s := &space{name: name, threaded: threaded, present: map[*person]*stay{}}
	a.spaces = append(a.spaces, s)
	a.rename(s, d.start(a.zone).Add(time.Minute))
	for _, p := range a.people {
		if a.chance(40) {
			at := d.start(a.zone).Add(time.Duration(2+a.IntN(300)) * time.Minute)
			a.enter(s, p, at, events.VerbUpdated)
		}
	}
}

func (a *author) rename(s *space, at time.Time) {
	it := storetest.Renamed(s.name, fmt.Sprint("Team ", a.IntN(1000)), "SPACE")
	it.SpaceData.ThreadingState = "UNTHREADED_MESSAGES"
	if s.threaded {
		it.SpaceData.ThreadingState = "THREADED_MESSAGES"
	}
	a.tell(at, it)
}

func (a *author) enter(s *space, p *person, at time.Time, verb events.Verb) {
	st := &stay{space: s, person: p, known: at}
	it := storetest.Membership(verb, s.name, p.name, events.MembershipJoined)
	it.Membership.Member.Type = kindOf(p)
	if it.Membership.Affiliation = "INTERNAL"; strings.HasSuffix(p.name, "3") {
		it.Membership.Affiliation = "EXTERNAL"
	}
	a.tell(at, it)
	s.present[p] = st
	a.stays = append(a.stays, st)
	if verb != events.VerbCreated {
		return
	}
	st.joined = at
	if a.plan.welcoming && !p.app && a.chance(70) {
		outcome := []string{"sent", "sent", "collapsed", "failed", "left"}[a.IntN(5)]
		a.runs = append(a.runs, run{st, outcome, a.chance(15), at.Add(time.Duration(1+a.IntN(600)) * time.Second)})
	}
}

func (a *author) leave(s *space, p *person, at time.Time) {
	s.present[p].left = at
	delete(s.present, p)
	a.tell(at, storetest.Membership(events.VerbDeleted, s.name, p.name, ""))
}

func kindOf(p *person) events.UserType {
	if p.app {
		return events.UserBot
	}
	return events.UserHuman
}

// live lets a day pass in a space.
func (a *author) live(s *space, d day) {
	var times []time.Time
	for range a.count(a.plan.messages) + 2 {
		times = append(times, a.at(d))
	}
	slices.SortFunc(times, time.Time.Compare)
	for i, at := range times {
		at = at.Add(time.Duration(i) * time.Millisecond) // no two at one time
		switch n := a.IntN(100); {
		case n < 3:
			a.rename(s, at)
		case n < 12:
			if p := a.people[a.IntN(len(a.people))]; s.present[p] == nil {
				a.enter(s, p, at, events.VerbCreated)
			}
		case n < 16:
			if p := a.anybody(s, at); p != nil {
				a.leave(s, p, at)
			}
		case n < 35:
			a.react(s, at)
		default:
			a.post(s, at)
		}
	}
}

// count draws a number with that mean; on some days nothing happens.
func (a *author) count(mean float64) int { return int(a.ExpFloat64() * mean) }

// anybody is somebody in the space. Who comes first in the list writes more.
func (a *author) anybody(s *space, at time.Time) *person {
	var list []*person
	for _, p := range a.people {
		silent := p.away && at.After((a.first + 12).start(a.zone)) && at.Before((parseDay(endDay) - 20).start(a.zone))
		if s.present[p] != nil && !silent {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[int(float64(len(list))*a.Float64()*a.Float64())]
}

func (a *author) post(s *space, at time.Time) {
	p := a.anybody(s, at)
	if p == nil {
		return
	}
	var roots []*message
	var root *message
	for _, other := range a.messages {
		if other.space == s && other.root == nil && at.Sub(other.sent) < 10*24*time.Hour {
			roots = append(roots, other)
		}
	}
	if s.threaded && len(roots) > 0 && a.chance(60) {
		root = roots[a.IntN(len(roots))]
	}
	m := a.say(s, p, root, at)
	if a.chance(12) {
		m.edited = true
		t := at.Add(time.Duration(1+a.IntN(3600)) * time.Second)
		a.tell(t, m.item(events.VerbUpdated, "v1", t))
	}
	if a.chance(8) {
		a.drop(m, at.Add(time.Duration(4000+a.IntN(80_000))*time.Second))
	}
}

// say lets somebody write, in the thread of root or, if that is nil, in a new one.
func (a *author) say(s *space, p *person, root *message, at time.Time) *message {
	a.n++
	m := &message{space: s, sender: p, root: root, sent: at, name: fmt.Sprintf("%s/messages/t%d.t%[2]d", s.name, a.n)}
	if root != nil {
		thread, _, _ := strings.Cut(root.name, ".")
		m.name = fmt.Sprint(thread, ".r", a.n)
	}
	a.messages = append(a.messages, m)
	a.tell(at, m.item(events.VerbCreated, "v0", time.Time{}))
	return m
}

func (m *message) item(verb events.Verb, text string, edited time.Time) events.Item {
	it := storetest.Message(verb, m.name, m.sender.name, text, m.sent, edited)
	if verb != events.VerbDeleted {
		thread, _, _ := strings.Cut(it.Message.Thread, ".")
		it.Message.Sender.Type, it.Message.Thread = kindOf(m.sender), thread
	}
	return it
}

func (a *author) drop(m *message, at time.Time) {
	m.deleted = true
	a.tell(at, m.item(events.VerbDeleted, "", time.Time{}))
}

func (a *author) react(s *space, at time.Time) {
	p := a.anybody(s, at)
	var list []*message
	for _, m := range a.messages {
		if m.space == s && at.Sub(m.sent) < 8*24*time.Hour {
			list = append(list, m)
		}
	}
	if p == nil || p.app || len(list) == 0 {
		return
	}
	r := &reaction{message: list[a.IntN(len(list))], person: p, emoji: []string{"👍", "🎉", "👀"}[a.IntN(3)], added: at}
	if slices.ContainsFunc(a.reactions, func(o *reaction) bool {
		return o.message == r.message && o.person == p && o.emoji == r.emoji
	}) {
		return
	}
	a.give(r)
	if a.chance(10) {
		a.takeBack(r, at.Add(time.Duration(1+a.IntN(90_000))*time.Second))
	}
}

func (a *author) give(r *reaction) {
	a.reactions = append(a.reactions, r)
	a.tell(r.added, storetest.Reaction(events.VerbCreated, r.message.name, r.person.name, r.emoji))
}

func (a *author) takeBack(r *reaction, at time.Time) {
	r.removed = true
	a.tell(at, storetest.Reaction(events.VerbDeleted, r.message.name, r.person.name, r.emoji))
}

// watch lets a space be watched from the first day on, but for gaps.
func (a *author) watch(s *space, first, end day) {
	from, source := first.start(a.zone).Add(-time.Hour), "live"
	for from.Before(end.start(a.zone)) {
		to := from.Add(time.Duration(20+a.IntN(300)) * time.Hour)
		if source != "live" {
			to = from.Add(time.Duration(1+a.IntN(100)) * time.Hour)
		}
		if last := end.start(a.zone); to.After(last) {
			to = last
		}
		a.covered = append(a.covered, interval{s, from, to, source})
		if source = "live"; a.covered[len(a.covered)-1].source == "live" {
			source = []string{"gap", "gap", "backfill"}[a.IntN(3)]
		}
		from = to
	}
}

// day is a day of a calendar, by its number since 1970.
type day int

func parseDay(text string) day {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return day(t.Unix() / 86400)
}

func dayOf(t time.Time, zone *time.Location) day {
	y, m, d := t.In(zone).Date()
	return day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func (d day) date() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

func (d day) String() string { return d.date().Format(time.DateOnly) }

// start is when the day begins in the zone.
func (d day) start(zone *time.Location) time.Time {
	y, m, n := d.date().Date()
	return time.Date(y, m, n, 0, 0, 0, 0, zone)
}
