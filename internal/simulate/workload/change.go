package workload

import (
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// change makes an event of the Full mix that isn't a single creation. It takes
// its share off the roll and reports false if a creation is to be made.
func (g *Generator) change(s *space, roll *float64) (Message, bool) {
	kinds := []struct {
		share float64
		make  func(*space) Message
	}{
		{0.06, g.messageUpdated},
		{0.02, g.messageDeleted},
		{0.02, g.reactionDeleted},
		{0.01, g.membershipUpdated},
		{0.01, g.membershipDeleted},
		{0.01, g.spaceUpdated},
		{0.02, g.messagesCreated},
		{0.01, g.reactionsCreated},
		{0.01, g.membershipsCreated},
	}
	var total float64
	for _, k := range kinds {
		total += k.share
	}
	if *roll >= total {
		*roll = (*roll - total) / (1 - total)
		return Message{}, false
	}
	for _, k := range kinds {
		if *roll < k.share {
			return k.make(s), true
		}
		*roll -= k.share
	}
	return g.spaceUpdated(s), true // by a rounding error
}

func (g *Generator) messageUpdated(s *space) Message {
	g.counts.Changes++
	p := g.post(s)
	return g.single(s, events.KindMessage, events.VerbUpdated, g.message(nil, s, *p, g.now, false))
}

func (g *Generator) messageDeleted(s *space) Message {
	g.counts.Changes++
	p := *g.post(s)
	s.messages = slices.DeleteFunc(s.messages, func(other post) bool { return other.id == p.id })
	s.posted = len(s.messages)
	b := append([]byte(`{"message":{"name":"spaces/`), s.id...)
	b = append(append(b, "/messages/"...), p.id...)
	b = append(b, `","createTime":"`...)
	b = p.created.AppendFormat(b, wireTime)
	return g.single(s, events.KindMessage, events.VerbDeleted, append(b, `","deletionMetadata":{"deletionType":"CREATOR"}}}`...))
}

// reactionDeleted takes back a reaction that its message is known to have, or
// one from before the stream began.
func (g *Generator) reactionDeleted(s *space) Message {
	g.counts.Changes++
	p := g.post(s)
	for _, user := range g.users[:min(64, len(g.users))] {
		for _, emoji := range emojis {
			if p.reacted[user+emoji] {
				delete(p.reacted, user+emoji)
				return g.single(s, events.KindReaction, events.VerbDeleted, reaction(nil, s, p, user, emoji))
			}
		}
	}
	return g.single(s, events.KindReaction, events.VerbDeleted, reaction(nil, s, p, g.user(), emojis[0]))
}

// member picks somebody who has joined and is still there; people join in the
// space's own order.
func (g *Generator) member(s *space) (string, bool) {
	if s.members == 0 {
		return "", false
	}
	user := g.users[(s.offset+g.random.IntN(s.members))%len(g.users)]
	return user, !slices.Contains(s.left, user)
}

func (g *Generator) membershipUpdated(s *space) Message {
	user, ok := g.member(s)
	if !ok {
		return g.spaceUpdated(s)
	}
	g.counts.Changes++
	return g.single(s, events.KindMembership, events.VerbUpdated, membership(nil, s, user, "ROLE_MANAGER"))
}

func (g *Generator) membershipDeleted(s *space) Message {
	user, ok := g.member(s)
	if !ok {
		return g.spaceUpdated(s)
	}
	g.counts.Changes++
	s.left = append(s.left, user)
	b := append([]byte(`{"membership":{"name":"spaces/`), s.id...)
	b = append(append(b, "/members/"...), user...)
	return g.single(s, events.KindMembership, events.VerbDeleted, append(b, `","state":"NOT_A_MEMBER"}}`...))
}

func (g *Generator) spaceUpdated(s *space) Message {
	g.counts.Changes++
	b := append([]byte(`{"space":{"name":"spaces/`), s.id...)
	b = appendQuoted(append(b, `","displayName":`...), g.word()+" "+g.word())
	b = append(b, `,"spaceThreadingState":"THREADED_MESSAGES","spaceType":"SPACE","spaceDetails":{"description":`...)
	b = appendQuoted(b, g.sentence())
	return g.single(s, events.KindSpace, events.VerbUpdated, append(b, `},"spaceHistoryState":"HISTORY_ON"}}`...))
}

func (g *Generator) messagesCreated(s *space) Message {
	return g.batch(s, events.KindMessage, g.messageCreated)
}

func (g *Generator) reactionsCreated(s *space) Message {
	return g.batch(s, events.KindReaction, g.reactionCreated)
}

// membershipsCreated needs people who all join this space.
func (g *Generator) membershipsCreated(s *space) Message {
	if len(g.users)-s.members < maxBatch {
		return g.spaceUpdated(s)
	}
	return g.batch(s, events.KindMembership, g.membershipCreated)
}

const maxBatch = 12

func (g *Generator) batch(s *space, kind events.Kind, item func([]byte, *space) []byte) Message {
	t, _ := events.TypeOf(events.TypeName(kind, events.VerbCreated))
	b := []byte(`{"` + t.Plural + `":[`)
	for i := range 2 + g.random.IntN(maxBatch-1) {
		if i > 0 {
			b = append(b, ',')
		}
		b = item(b, s)
	}
	return g.envelope(s, t.Batch(), append(b, `]}`...))
}
