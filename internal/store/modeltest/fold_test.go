package modeltest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// change is an element as the log holds it: of all its copies the one that counts.
type change struct {
	*event
	ordinal  int
	resource string
	verbNo   int // created, updated, deleted: 1, 2, 3
	id       string
	origin   events.Origin
	known    bool // a copy told more than the name
	sent     bool // and one that was delivered, if any was
	gone     bool // it told that the message is deleted
	fetched  int  // when that was, if a backfill told it; else never
	content  content
	copies   []telling
}

// telling is what a copy tells: each may know another version of a message, or
// another name of a space, as a fetched one is of the time of fetching.
type telling struct {
	*change
	fetched int
	gone    bool
	content content
}

// changes are what the copies tell, in the order in which it happened. A live
// copy counts more than a fetched one, and that more the earlier it was fetched.
func changes(list []delivery) (all []*change) {
	found := map[string]*change{}
	for _, d := range list {
		for i, c := range d.told {
			if c.form == absent {
				continue
			}
			id := fmt.Sprintf("%s %d", d.event.name, i)
			ch := found[id]
			if ch == nil {
				ch = &change{
					event: d.event, ordinal: i, resource: d.event.elements[i].resource, id: d.event.key(), origin: d.origin,
					verbNo:  map[events.Verb]int{events.VerbCreated: 1, events.VerbUpdated: 2, events.VerbDeleted: 3}[d.event.verb],
					fetched: never, content: blank(),
				}
				found[id], all = ch, append(all, ch)
			}
			if d.origin == events.OriginLive && ch.origin != d.origin {
				ch.origin, ch.sent = d.origin, false
			}
			left := d.event.kind == events.KindMembership && d.event.verb == events.VerbDeleted
			if c.form == named && !left {
				continue // who has left is known by the name
			}
			ch.sent = ch.sent || d.origin == ch.origin
			fetched := never
			if d.origin == events.OriginBackfill {
				fetched = d.received
			}
			if !ch.known || fetched < ch.fetched {
				ch.known, ch.gone, ch.fetched, ch.content = true, c.form == gone, fetched, c.content
			}
			if left {
				ch.content.state = "NOT_A_MEMBER"
			}
			ch.copies = append(ch.copies, telling{ch, fetched, c.form == gone, c.content})
		}
	}
	slices.SortFunc(all, func(a, b *change) int {
		return cmp.Or(a.at-b.at, a.verbNo-b.verbNo, strings.Compare(a.id, b.id), a.ordinal-b.ordinal)
	})
	return all
}

// facts are lines of what the database should hold.
type facts struct {
	lines   []string
	deleted int                 // when the space was, or never
	names   map[string][]naming // of spaces and people
}

// naming is a name, and since when it is known.
type naming struct {
	at   int
	name string
}

func (f *facts) say(format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

// lit is a text, and null where there is none.
func lit(s string) string {
	if s == "" {
		return "NULL"
	}
	return "'" + s + "'"
}

// tick is a time, and null where there is none.
func tick(n int) string {
	if n == never {
		return "NULL"
	}
	return fmt.Sprint(n)
}

// fold says what the database should hold after the copies have arrived, in
// whatever order.
func fold(h *history) []string {
	f := &facts{deleted: never, names: map[string][]naming{}}
	all := changes(h.deliveries)
	for _, c := range all {
		f.bytes(c)
		f.say("log %s %d: at %d %s %s %s %s %s", c.id, c.ordinal, c.at, c.kind, c.verb, c.ceType(), logged(c), c.origin)
		if c.kind == events.KindSpace && c.verb == events.VerbDeleted && f.deleted == never {
			f.deleted = c.at
		}
	}
	f.spaces(h, all)
	f.users(all)
	for _, list := range byResource(all, events.KindMessage) {
		f.message(list)
	}
	for _, list := range byResource(all, events.KindReaction) {
		f.reaction(list)
	}
	for _, list := range byResource(all, events.KindMembership) {
		f.membership(list)
	}
	f.namings()
	for id := range refused(h.deliveries) {
		f.say("quarantine %s", id)
	}
	slices.Sort(f.lines)
	return f.lines
}

// bytes says which bytes of the event the log holds.
func (f *facts) bytes(c *change) {
	f.say("bytes of %s %d: %s, content %t", strings.ReplaceAll(c.id, "-", ""), c.ordinal, logged(c), c.sent)
}

// logged is the resource that the log names: none for an interaction without a message.
func logged(c *change) string {
	if c.kind == events.KindInteraction {
		return ""
	}
	return c.resource
}

func byResource(all []*change, kind events.Kind) map[string][]*change {
	found := map[string][]*change{}
	for _, c := range all {
		if c.kind == kind {
			found[c.resource] = append(found[c.resource], c)
		}
	}
	return found
}

// refused are the events whose copies went to quarantine: what names nothing,
// unless it is a membership in a batch, as backfills yield for who was removed.
func refused(list []delivery) map[string]bool {
	found := map[string]bool{}
	for _, d := range list {
		nothing := 0
		for _, c := range d.told {
			if c.form == absent {
				nothing++
			}
		}
		if nothing == len(d.told) || nothing > 0 && d.event.kind != events.KindMembership {
			found[d.event.ceID()] = true
		}
	}
	return found
}

func (f *facts) spaces(h *history, all []*change) {
	if len(all) == 0 {
		return
	}
	var state *change
	name, typ := "", ""
	called := 0 // when an interaction told the name
	for _, c := range all {
		switch {
		case c.kind == events.KindInteraction:
			if state == nil {
				typ = c.content.spaceType
			}
			if told := c.content.spaceName; told != "" {
				f.named(h.space, c.at, told)
				if state == nil || c.at > state.at { // at the same time the state counts
					name, called = told, c.at
				}
			}
		case c.kind == events.KindSpace && c.verb == events.VerbUpdated && c.known:
			if state, typ = c, c.content.spaceType; c.at >= called {
				name = c.content.spaceName
			}
			for _, t := range c.copies {
				if t.content.spaceName != "" {
					f.named(h.space, max(c.at, t.fetched), t.content.spaceName)
				}
			}
		}
	}
	if state == nil {
		f.say("space %s: name %s type %s at NULL deleted %s", h.space, lit(name), lit(typ), tick(f.deleted))
		return
	}
	c := state.content
	f.say("space %s: name %s type %s at %d deleted %s", h.space, lit(name), lit(typ), state.at, tick(f.deleted))
	f.say("space %s: threading %s history %s description %s fetched %s event %s",
		h.space, lit(c.threading), lit(c.history), lit(c.description), tick(state.fetched), state.id)
}

// named adds the name that somebody has since a time: a fetched one since it was fetched.
func (f *facts) named(who string, at int, name string) {
	f.names[who] = append(f.names[who], naming{at, name})
}

// namings tells since when somebody was called what.
func (f *facts) namings() {
	for who, list := range f.names {
		slices.SortStableFunc(list, func(a, b naming) int { return a.at - b.at })
		for i, n := range list {
			if i == 0 || list[i-1].name != n.name {
				f.say("name of %s since %d: %s", who, n.at, n.name)
			}
		}
	}
}

func (f *facts) users(all []*change) {
	types, names, seen := map[string]string{}, map[string]string{}, map[string]bool{}
	see := func(user, typ string) {
		if user == "" {
			return
		}
		seen[user] = true
		types[user] = cmp.Or(typ, types[user])
	}
	for _, c := range all {
		if c.kind == events.KindMembership {
			see(events.MemberUser(c.resource), "")
		}
		if c.known || c.kind == events.KindInteraction {
			see(c.content.user, c.content.userType)
		}
		if c.kind == events.KindInteraction {
			names[c.content.user] = c.content.userName
			f.named(c.content.user, c.at, c.content.userName)
		}
	}
	for user := range seen {
		f.say("user %s: type %s name %s", user, lit(types[user]), lit(names[user]))
	}
}

// message folds what happened to one message.
func (f *facts) message(list []*change) {
	var all, versions, ends []telling
	var sender, thread string
	created := never
	for _, c := range list {
		if all = append(all, c.copies...); c.verb == events.VerbDeleted && !c.known {
			all = append(all, telling{c, never, false, c.content})
		}
	}
	for _, t := range all {
		sender, thread, created = cmp.Or(sender, t.content.user), cmp.Or(thread, t.content.thread), max(created, t.content.created)
		switch {
		case t.verb == events.VerbDeleted, t.gone && t.content.deleted != never:
			ends = append(ends, t)
		case !t.gone: // or it has no version: when it was deleted, only the deletion tells
			versions = append(versions, t)
		}
	}
	// They are in the order of events: so of two of one time the later counts.
	inOrder := func(a, b telling) int { return a.version() - b.version() }
	slices.SortStableFunc(versions, inOrder)
	slices.SortStableFunc(ends, inOrder)
	versions = f.revisions(list[0].resource, versions, len(ends) > 0)
	state := "unknown"
	if n := len(ends); n > 0 {
		by := "" // whichever tells it
		for _, t := range ends {
			by = cmp.Or(t.content.deletion, by)
		}
		state = fmt.Sprintf("deleted %d by %s text NULL", ends[n-1].version(), lit(by))
	} else if n := len(versions); n > 0 {
		now := versions[n-1]
		state = fmt.Sprintf("text '%s' attachments %d at %d told at %d fetched %s event %s",
			now.content.text, now.content.attachments, now.version(), now.at, tick(now.fetched), now.id)
		f.mentions(list[0].resource, now.content.mentions)
	}
	f.say("message %s: %s", list[0].resource, state)
	f.say("message %s: sender %s thread %s created %s", list[0].resource, lit(sender), lit(thread), tick(created))
}

// mentions tells whom the text of now mentions.
func (f *facts) mentions(message, mentions string) {
	n := 0
	for who := range strings.FieldsSeq(mentions) {
		n++
		switch id, added := strings.CutPrefix(who, "+"); {
		case added:
			f.say("mention in %s: 'users/%s' add", message, id)
		case id == "all":
			f.say("mention in %s: NULL all", message)
		default:
			f.say("mention in %s: 'users/%s' mention", message, id)
		}
	}
	f.say("message %s: mentions %d", message, n)
}

// version is the time of the version that a copy tells: of the last edit, or of
// the deletion where that was fetched; else of the event.
func (t *telling) version() int {
	switch {
	case t.verb == events.VerbDeleted:
		return t.at
	case t.gone:
		return t.content.deleted
	case t.content.edited != never:
		return t.content.edited
	default:
		return t.at
	}
}

// revisions tells each version of a message once, and returns those that differ
// in time or event: what was seen live is better proof than what was fetched, and
// that the better the earlier it was.
func (f *facts) revisions(message string, all []telling, deleted bool) (versions []telling) {
	for _, t := range all {
		n := len(versions) - 1
		switch {
		case n < 0 || versions[n].version() != t.version() || versions[n].id != t.id || versions[n].ordinal != t.ordinal:
			versions = append(versions, t)
		case t.fetched < versions[n].fetched:
			versions[n] = t
		}
	}
	type version struct {
		at          int
		text        string
		attachments int
	}
	best, current := map[version]telling{}, map[version]bool{}
	for i, t := range versions {
		v := version{t.version(), t.content.text, t.content.attachments}
		is := i == len(versions)-1 && !deleted
		if b, ok := best[v]; !ok || is || t.fetched < b.fetched {
			best[v], current[v] = t, is
		}
	}
	for v, t := range best {
		f.say("version %s at %d: '%s' attachments %d fetched %s current %t", message, v.at, v.text, t.content.attachments, tick(t.fetched), current[v])
		source := "live"
		if t.fetched != never {
			source = "backfill"
		}
		f.say("version for analysts %s at %d: '%s' attachments %d %s current %t", message, v.at, v.text, t.content.attachments, source, current[v])
	}
	return versions
}

func (f *facts) reaction(list []*change) {
	added, removed := never, never
	user, emoji := "", ""
	for _, c := range list {
		if c.verb == events.VerbCreated {
			added = c.at
		} else {
			removed = c.at
		}
		user, emoji = cmp.Or(user, c.content.user), cmp.Or(emoji, c.content.emoji)
	}
	last := list[len(list)-1]
	f.say("reaction %s: there %t added %s removed %s by %s emoji %s at %d event %s %d", last.resource,
		last.verb == events.VerbCreated, tick(added), tick(removed), lit(user), lit(emoji), last.at, last.id, last.verbNo)
}

// membership folds what happened to one membership, and the intervals in which
// somebody was in the space.
func (f *facts) membership(list []*change) {
	resource := list[0].resource
	member := events.MemberUser(resource)
	var told []*change
	for _, c := range list {
		member = cmp.Or(member, c.content.user, c.content.group)
		if c.content.state != "" {
			told = append(told, c)
		}
		f.say("change of %s at %d by %s %d: %s %s %s role %s type %s fetched %s", resource, c.at, c.id, c.ordinal, c.verb,
			map[events.Origin]string{events.OriginLive: "l", events.OriginBackfill: "b"}[c.origin],
			lit(c.content.state), lit(c.content.role), lit(c.content.userType), tick(c.fetched))
	}
	state, role, affiliation, at := "", "", "", never
	if len(told) > 0 {
		last := told[len(told)-1]
		state, role, affiliation, at = last.content.state, last.content.role, last.content.affiliation, last.at
	}
	if f.deleted != never {
		state, role, affiliation = "NOT_A_MEMBER", "", ""
	}
	f.say("member %s: %s state %s role %s affiliation %s", resource, lit(member), lit(state), lit(role), lit(affiliation))
	if f.deleted == never {
		f.say("member %s: at %s", resource, tick(at))
	}
	if member == "" {
		return // nobody came, nobody left
	}
	f.intervals(resource, member, told)
}

func (f *facts) intervals(resource, member string, told []*change) {
	say := func(from, to int) {
		f.say("interval of %s: %s from %s to %s", resource, member, tick(from), tick(to))
	}
	const unknown, in, out = 0, 1, 2
	now, since := unknown, never
	for _, c := range told {
		if f.deleted != never && c.at > f.deleted {
			break
		}
		joined := c.content.state == "JOINED"
		switch {
		case joined && now != in:
			if since = c.at; now == unknown && c.verb != events.VerbCreated {
				since = never // in it since before it was recorded
			}
			now = in
		case !joined && now == in, !joined && now == unknown && c.verb == events.VerbDeleted:
			say(since, c.at)
			now, since = out, never
		case !joined:
			now = out
		}
	}
	if now == in {
		say(since, f.deleted)
	}
}
