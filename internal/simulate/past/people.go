package past

import (
	"errors"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// The spaces of which a story is told, by their place; the first spaces are the
// busy ones.
const (
	gapSpace     = 1 // two of its days are lost
	renamedSpace = 2
	silentSpace  = 3 // nothing has been said in it for weeks
)

const (
	roleMember  = "ROLE_MEMBER"
	roleManager = "ROLE_MANAGER"
)

// person is somebody who may write.
type person struct {
	name     string // "users/U"
	title    string // as people call them
	bot      bool
	external bool
	energy   float64 // how much they write, compared with others; 0: never
	warmth   float64 // how much they react
}

// stay is a time in which somebody was in a space.
type stay struct {
	who     *person
	from    time.Time // zero: since before the past begins
	to      time.Time // zero: still there
	manager time.Time // since when; zero: never
	invited bool      // first, a day before
	wave    bool      // with others, by one event
}

// space is a space and who was in it.
type space struct {
	info   simulate.SpaceInfo
	index  int
	source string // "subscriptions/S"
	stays  []stay
	losses []loss
	recent []spoken // what may be quoted
}

// person is what the Workspace knows of somebody, and how they are. A fifth read and say nothing.
func (p *Past) person(w *simulate.Workspace, name string) *person {
	if known := p.people[name]; known != nil {
		return known
	}
	is := w.Person(name)
	who := &person{name: name, title: is.DisplayName, bot: is.Bot, external: is.External, warmth: p.rng.Float64()}
	if p.rng.IntN(5) > 0 {
		who.energy = 0.1 + p.rng.ExpFloat64()
	}
	p.people[name] = who
	return who
}

// populate says who was in the space when. Who is in it now has joined at some time
// or was there before; others have left meanwhile.
func (p *Past) populate(w *simulate.Workspace, s *space) error {
	members := slices.DeleteFunc(w.Members(s.info.Name), func(user string) bool { return user == w.App() })
	if len(members) == 0 {
		return errors.New("nobody is in it")
	}
	early := 1 + len(members)*3/5
	p.rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	for i, user := range members {
		one := stay{who: p.person(w, user)}
		switch {
		case i == 0: // leads the space
			one.manager = p.from
		case i == 1 && s.index == 0: // leaves, and comes back
			s.stays = append(s.stays, stay{who: one.who, to: p.at(0.3, 16)})
			one.from = p.at(0.65, 9)
		case i == 2:
			one.manager = p.at(0.4, 12)
		case i >= early && i < early+3 && len(p.launch) > 0 && s.index < 2: // three new ones at once
			one.from, one.wave = p.launch[0].Add(9*time.Hour), true
		case i >= early:
			one.from, one.invited = p.someday(0.05, 0.98), i%3 == 0
		}
		s.stays = append(s.stays, one)
	}
	for i := range 1 + len(members)/8 {
		user := w.AddUser(false)
		if s.index == gapSpace && i == 0 {
			user = w.AddExternalUser()
		}
		gone := stay{who: p.person(w, user), to: p.someday(0.4, 0.98)}
		switch {
		case s.index == gapSpace && i == 0: // unseen
			gone.to = s.losses[0].from.Add(20 * time.Hour)
		case i%2 == 1:
			gone.from = p.someday(0.05, 0.35)
		}
		s.stays = append(s.stays, gone)
	}
	if s.index%2 == 0 {
		guest := stay{who: p.person(w, w.AddExternalUser()), from: p.someday(0.1, 0.6)}
		s.stays = append(s.stays, guest)
	}
	for _, one := range s.stays {
		if one.to.IsZero() {
			if err := w.Settle(s.info.Name, one.who.name, one.roleAt(p.to)); err != nil {
				return err
			}
		}
	}
	return nil
}

// someday is a working time between two shares of the past.
func (p *Past) someday(after, before float64) time.Time {
	day := p.midnight(p.at(after+(before-after)*p.rng.Float64(), 9))
	t := p.workingTime(day)
	if t.Before(p.from) {
		t = p.from.Add(time.Minute)
	}
	return p.noLater(t)
}

func (s *stay) roleAt(t time.Time) string {
	if !s.manager.IsZero() && !t.Before(s.manager) {
		return roleManager
	}
	return roleMember
}

// covers reports whether somebody was in at a time.
func (s *stay) covers(t time.Time) bool {
	return !t.Before(s.from) && (s.to.IsZero() || t.Before(s.to))
}

// Member is somebody who is in a space.
type Member struct {
	User        string // "users/U"
	Role        string
	Affiliation string
}

// Members lists who was in a space at a time, as Google's list does: without apps.
func (p *Past) Members(space string, at time.Time) (list []Member) {
	for _, s := range p.spaces {
		for i := range s.stays {
			if one := &s.stays[i]; s.info.Name == space && one.covers(at) {
				list = append(list, Member{one.who.name, one.roleAt(at), affiliation(one.who)})
			}
		}
	}
	return list
}

func affiliation(who *person) string {
	if who.external {
		return "EXTERNAL"
	}
	return "INTERNAL"
}

// memberships lets people come and go on a day.
func (p *Past) memberships(s *space, day time.Time) {
	today := func(t time.Time) bool { return !t.IsZero() && !t.Before(p.from) && p.midnight(t).Equal(day) }
	var wave []any
	var at time.Time
	for i := range s.stays {
		one := &s.stays[i]
		if one.invited && today(one.from.Add(-24*time.Hour)) {
			p.tell(s, one.from.Add(-24*time.Hour), events.KindMembership, events.VerbCreated, membershipOf(s, one, "INVITED", roleMember))
		}
		switch {
		case !today(one.from):
		case one.wave:
			wave, at = append(wave, membershipOf(s, one, "JOINED", roleMember)), one.from
		case one.invited && !one.from.Add(-24*time.Hour).Before(p.from):
			p.tell(s, one.from, events.KindMembership, events.VerbUpdated, membershipOf(s, one, "JOINED", roleMember))
		default:
			p.tell(s, one.from, events.KindMembership, events.VerbCreated, membershipOf(s, one, "JOINED", roleMember))
		}
		if today(one.manager) && one.manager.After(p.from) {
			p.tell(s, one.manager, events.KindMembership, events.VerbUpdated, membershipOf(s, one, "JOINED", roleManager))
		}
		if today(one.to) {
			p.tell(s, one.to, events.KindMembership, events.VerbDeleted,
				object{"name": events.MemberName(s.info.Name, one.who.name), "state": "NOT_A_MEMBER"})
		}
	}
	if len(wave) > 0 {
		p.tell(s, at, events.KindMembership, events.VerbCreated, wave...)
	}
}

// titleAt is what a space was called at a time.
func (p *Past) titleAt(s *space, t time.Time) string {
	if s.index == renamedSpace && t.Before(p.at(0.45, 14)) {
		return "Project Lighthouse"
	}
	return s.info.DisplayName
}

// describe tells of the space itself: whoever manages it writes a description on the first
// day, and one is renamed.
func (p *Past) describe(s *space, day time.Time) {
	var at time.Time
	switch renamed := p.at(0.45, 14); {
	case day.Equal(p.midnight(p.from)):
		at = p.from.Add(time.Second)
	case s.index == renamedSpace && day.Equal(p.midnight(renamed)):
		at = renamed
	default:
		return
	}
	p.tell(s, at, events.KindSpace, events.VerbUpdated, spaceOf(s, p.titleAt(s, at)))
}

// somebody is a person who was in the space at a time, drawn by weight, and none of
// the others; nil if there is no such person.
func (p *Past) somebody(s *space, at time.Time, weight func(*person) float64, others ...*person) *person {
	var total float64
	var able []*person
	for i := range s.stays {
		if one := &s.stays[i]; one.covers(at) && weight(one.who) > 0 && !slices.Contains(others, one.who) {
			able, total = append(able, one.who), total+weight(one.who)
		}
	}
	for n := p.rng.Float64() * total; len(able) > 0; able = able[1:] {
		if n -= weight(able[0]); n < 0 || len(able) == 1 {
			return able[0]
		}
	}
	return nil
}

func energy(who *person) float64 { return who.energy }
func warmth(who *person) float64 { return who.warmth }
