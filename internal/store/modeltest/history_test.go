package modeltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// history is what happened in one space, and the copies of it that reach the
// store, in their order of arrival.
type history struct {
	number     int
	space      string
	deliveries []delivery
}

// past is what was true of a resource since a time.
type past struct {
	at      int
	verb    events.Verb
	content content
}

// generator lets things happen in a space.
type generator struct {
	*rand.Rand
	number, now, count int
	called             int // when an interaction told the space's name
	space              string
	events             []*event
	pasts              map[string][]past // by resource
	messages           []string
	members            []string
	people             []string // users, the app last
}

// newHistory draws what happens in the space with the number.
func newHistory(seed uint64, number int) *history {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(number))), number: number, called: never, pasts: map[string][]past{}}
	g.space = fmt.Sprint("spaces/M", number)
	for i := range 4 {
		g.people = append(g.people, fmt.Sprintf("users/1%06d%02d", number, i))
		g.members = append(g.members, events.MemberName(g.space, g.people[i]))
	}
	g.members = append(g.members, g.space+"/members/group-1", g.space+"/members/g2")
	for _, m := range g.members {
		if g.chance(30) { // in it since before anything was recorded
			g.pasts[m] = []past{{at: never, verb: events.VerbCreated, content: g.membership(m, "JOINED", "ROLE_MEMBER")}}
		}
	}
	for range 4 + g.IntN(36) {
		if !g.chance(25) {
			g.now += 1 + g.IntN(3)
		}
		g.happen()
		if g.last(g.space).verb == events.VerbDeleted && g.chance(30) {
			break
		}
	}
	return &history{number: number, space: g.space, deliveries: g.deliver()}
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) next(prefix string) string {
	g.count++
	return fmt.Sprint(prefix, g.count)
}

// last is what is true of a resource now.
func (g *generator) last(resource string) past {
	if list := g.pasts[resource]; len(list) > 0 {
		return list[len(list)-1]
	}
	return past{}
}

func (g *generator) pick(names []string, ok func(past) bool) string {
	if i := g.IntN(len(names) + 1); i > 0 && ok(g.last(names[i-1])) {
		return names[i-1]
	}
	return ""
}

// happen adds an event, if what is drawn can happen.
func (g *generator) happen() {
	kind, verb, change := g.draw()
	e := &event{name: g.next("e"), kind: kind, verb: verb, at: g.now, space: g.space}
	n := 1
	if t, ok := events.TypeOf(events.TypeName(kind, verb)); ok && t.Plural != "" && g.chance(25) {
		e.batch, n = true, 1+g.IntN(4)
	}
	for range n {
		resource, c := change()
		if resource == "" || kind == events.KindMessage && e.names(resource) {
			continue // a version of a message has its time and event
		}
		e.elements = append(e.elements, element{resource, c})
		g.pasts[resource] = append(g.pasts[resource], past{g.now, verb, c})
	}
	if len(e.elements) > 0 {
		g.events = append(g.events, e)
	}
}

func (e *event) names(resource string) bool {
	return slices.ContainsFunc(e.elements, func(el element) bool { return el.resource == resource })
}

// repeats reports whether another element is about the same resource: of those
// the last counts, which nobody can tell who has seen one of them only.
func (e *event) repeats(i int) bool {
	others := slices.Delete(slices.Clone(e.elements), i, i+1)
	return slices.ContainsFunc(others, func(el element) bool { return el.resource == e.elements[i].resource })
}

func (g *generator) draw() (events.Kind, events.Verb, func() (string, content)) {
	switch n := g.IntN(100); {
	case n < 22:
		return events.KindMessage, events.VerbCreated, g.post
	case n < 40:
		return events.KindMessage, events.VerbUpdated, g.edit
	case n < 47:
		return events.KindMessage, events.VerbDeleted, g.remove
	case n < 56:
		return events.KindReaction, events.VerbCreated, func() (string, content) { return g.react(events.VerbCreated) }
	case n < 63:
		return events.KindReaction, events.VerbDeleted, func() (string, content) { return g.react(events.VerbDeleted) }
	case n < 73:
		return events.KindMembership, events.VerbCreated, g.join
	case n < 81:
		return events.KindMembership, events.VerbUpdated, g.alter
	case n < 89:
		return events.KindMembership, events.VerbDeleted, g.leave
	case n < 95:
		return events.KindSpace, events.VerbUpdated, g.rename
	case n < 97:
		return events.KindSpace, events.VerbDeleted, func() (string, content) {
			c := g.last(g.space).content
			if g.last(g.space).verb == events.VerbDeleted {
				return "", content{}
			}
			return g.space, c
		}
	default:
		return events.KindInteraction, events.VerbOther, g.interact
	}
}

func blank() content { return content{created: never, edited: never, deleted: never} }

func (g *generator) typeOf(user string) string {
	if user == g.people[len(g.people)-1] {
		return string(events.UserBot)
	}
	return string(events.UserHuman)
}

func (g *generator) about(user string) content {
	c := blank()
	c.user, c.userType = user, g.typeOf(user)
	return c
}

func (g *generator) someone() content { return g.about(g.people[g.IntN(len(g.people))]) }

func (g *generator) write(c *content) {
	if c.attachments = g.IntN(3); c.attachments == 0 || g.chance(80) {
		c.text = g.next("text ")
	}
	c.mentions = []string{"", "", "7", "8 +7", "all"}[g.IntN(5)]
}

func (g *generator) post() (string, content) {
	name := g.space + g.next("/messages/m")
	g.messages = append(g.messages, name)
	c := g.someone()
	c.created, c.thread = g.now, g.space+"/threads/t"
	g.write(&c)
	return name, c
}

func (g *generator) edit() (string, content) {
	late := g.chance(10) // an edit of what was deleted is told, too
	name := g.pick(g.messages, func(p past) bool { return late || p.verb != events.VerbDeleted })
	c := blank()
	for _, p := range g.pasts[name] {
		if p.verb != events.VerbDeleted {
			c = p.content
		}
	}
	switch {
	case g.chance(10): // an app's card got a preview: nobody edited
	case c.edited == never || g.chance(75):
		c.edited = g.now
	}
	g.write(&c)
	return name, c
}

func (g *generator) remove() (string, content) {
	name := g.pick(g.messages, func(past) bool { return true })
	c := blank()
	for _, p := range g.pasts[name] {
		if p.verb == events.VerbDeleted {
			return "", c
		}
	}
	if name != "" {
		c.created = g.pasts[name][0].content.created
		c.deletion = []string{"CREATOR", "SPACE_OWNER", "ADMIN"}[g.IntN(3)]
		if g.chance(30) {
			c.deleted = max(c.created, g.now-1)
		}
	}
	return name, c
}

func (g *generator) react(verb events.Verb) (string, content) {
	if len(g.messages) == 0 {
		return "", content{}
	}
	c := g.someone()
	c.emoji = []string{"👍", "🎉"}[g.IntN(2)]
	name := fmt.Sprintf("%s/reactions/%s.%x", g.messages[g.IntN(min(2, len(g.messages)))], strings.TrimPrefix(c.user, "users/"), c.emoji)
	if there := g.last(name).verb == events.VerbCreated; there != (verb == events.VerbDeleted) {
		return "", content{}
	}
	return name, c
}

func (g *generator) membership(name, state, role string) content {
	c := blank()
	if user := events.MemberUser(name); user != "" {
		c = g.about(user)
		c.role = role
	} else {
		c.group = "groups/of-" + name[strings.LastIndexByte(name, '/')+1:]
	}
	c.state = state
	if g.chance(30) {
		c.affiliation = "INTERNAL"
	}
	return c
}

func inside(p past) bool { return p.verb != "" && p.verb != events.VerbDeleted }

func (g *generator) join() (string, content) {
	name := g.pick(g.members, func(p past) bool { return !inside(p) })
	if g.chance(25) {
		return name, g.membership(name, "INVITED", "ROLE_MEMBER")
	}
	return name, g.membership(name, "JOINED", "ROLE_MEMBER")
}

func (g *generator) alter() (string, content) {
	name := g.pick(g.members, inside)
	before := g.last(name).content
	role := []string{"ROLE_MEMBER", "ROLE_MANAGER"}[g.IntN(2)]
	if before.state == "INVITED" {
		role = before.role
	}
	return name, g.membership(name, "JOINED", role)
}

func (g *generator) leave() (string, content) {
	name := g.pick(g.members, inside)
	c := blank()
	c.state = "NOT_A_MEMBER"
	return name, c
}

func (g *generator) rename() (string, content) {
	c := blank()
	c.spaceType = "SPACE"
	switch before := g.last(g.space); {
	case before.verb != "" && before.at == g.now:
		c.spaceName = before.content.spaceName // names have no order within a microsecond
	case g.called == g.now:
		return "", content{}
	case g.chance(85):
		c.spaceName = g.next("name ")
	}
	if g.chance(50) {
		c.threading, c.history, c.description = "THREADED_MESSAGES", "HISTORY_ON", g.next("about ")
	}
	return g.space, c
}

func (g *generator) interact() (string, content) {
	c := g.someone()
	c.userName, c.spaceType = g.next("person "), "SPACE"
	if before := g.last(c.user); before.verb != "" && before.at == g.now {
		return "", content{} // nor here
	}
	switch before := g.last(g.space); {
	case before.verb == "":
		c.spaceName = "called of old"
	case g.chance(75):
		c.spaceName = before.content.spaceName
	}
	g.called = g.now
	return c.user, c
}

// deliver draws the copies that arrive, and their order.
func (g *generator) deliver() (list []delivery) {
	for _, e := range g.events {
		if !g.chance(7) { // some are lost
			list = append(list, g.copies(e)...)
		}
	}
	switch g.IntN(4) {
	case 0: // as they were received
		slices.SortStableFunc(list, func(a, b delivery) int { return a.received - b.received })
	default:
		g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	inOrderOfFetching(list)
	batch, size := 0, 1+g.IntN(8)
	for i := range list {
		if g.IntN(size) == 0 {
			batch++
		}
		list[i].batch = batch
	}
	return list
}

// inOrderOfFetching lets the fetched copies of an event arrive in the order in
// which they were fetched: what came first is by that the earlier copy.
func inOrderOfFetching(list []delivery) {
	at := map[*event][]int{}
	for i, d := range list {
		if d.origin == events.OriginBackfill {
			at[d.event] = append(at[d.event], i)
		}
	}
	for _, places := range at {
		var fetched []delivery
		for _, i := range places {
			fetched = append(fetched, list[i])
		}
		slices.SortStableFunc(fetched, func(a, b delivery) int { return a.received - b.received })
		for n, i := range places {
			list[i] = fetched[n]
		}
	}
}

func (g *generator) copies(e *event) (list []delivery) {
	listable := e.kind != events.KindInteraction && (e.kind != events.KindSpace || e.verb != events.VerbDeleted)
	if !listable || g.chance(80) {
		list = g.live(e)
	}
	for listable && (len(list) == 0 || g.chance(30)) {
		d := delivery{event: e, origin: events.OriginBackfill, received: e.at + g.IntN(40), source: "//workspaceevents.googleapis.com/subscriptions/s1"}
		for _, el := range e.elements {
			d.told = append(d.told, g.fetched(e, el, d.received))
		}
		list = append(list, d)
	}
	return list
}

// live are copies from Pub/Sub. Redeliveries hold the same; another subscription
// may publish names only, and leave an element out.
func (g *generator) live(e *event) (list []delivery) {
	d := delivery{event: e, origin: events.OriginLive, received: e.at + g.IntN(5), messageID: e.messageID(), source: "//workspaceevents.googleapis.com/subscriptions/s1"}
	bare := e.kind != events.KindInteraction && g.chance(8)
	for _, el := range e.elements {
		c := copied{whole, el.content}
		if bare || e.kind == events.KindSpace && e.verb == events.VerbDeleted {
			c = copied{named, blank()}
		}
		d.told = append(d.told, c)
	}
	for list = append(list, d); g.chance(30); list = append(list, d) {
		if e.kind == events.KindInteraction {
			d.received++
			continue // its identity is the message id
		}
		d.received, d.source = d.received+g.IntN(5), "//workspaceevents.googleapis.com/subscriptions/s2"
		d.messageID += "x"
		d.told = slices.Clone(d.told)
		if g.chance(20) {
			for i := range d.told {
				d.told[i] = copied{named, blank()}
			}
		}
		if e.batch && len(e.elements) > 1 && g.chance(40) {
			if i := g.IntN(len(d.told)); !e.repeats(i) {
				d.told[i] = copied{absent, blank()}
			}
		}
	}
	return list
}

// fetched is what Google's list tells of an element later: the newest version.
func (g *generator) fetched(e *event, el element, at int) copied {
	c := copied{whole, el.content}
	if e.verb == events.VerbDeleted || e.kind == events.KindReaction {
		return c
	}
	for _, p := range g.pasts[el.resource] {
		switch {
		case p.at > at || e.kind == events.KindSpace && p.verb == events.VerbDeleted:
		case p.verb != events.VerbDeleted:
			c = copied{whole, p.content}
		case e.kind == events.KindMembership:
			c = copied{absent, blank()}
		default:
			return copied{gone, p.content} // for good
		}
	}
	return c
}
