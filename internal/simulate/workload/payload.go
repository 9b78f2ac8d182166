package workload

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// verb is what follows "v1." in an event type.
func verb(eventType string) string { return eventType[strings.LastIndexByte(eventType, '.')+1:] }

// typeNumber is the number that Google's event ids were seen to carry; the
// one for memberships is made up.
func typeNumber(eventType string) int {
	switch t, _ := events.TypeOf(eventType); t.Kind {
	case events.KindMessage:
		return 6
	case events.KindReaction:
		return 58
	case events.KindSpace:
		return 5
	default:
		return 12
	}
}

// messageCreated appends {"message":{…}} of a new message.
func (g *Generator) messageCreated(b []byte, s *space) []byte {
	g.counts.Messages++
	thread := token(g.random, 11)
	p := post{id: thread + "." + thread, sender: g.user(), created: g.now}
	reply := len(s.messages) > 0 && g.random.IntN(5) < 3
	if reply {
		thread, _, _ = strings.Cut(s.messages[g.random.IntN(len(s.messages))].id, ".")
		p.id = thread + "." + token(g.random, 11)
	}
	if len(s.messages) < remembered {
		s.messages = append(s.messages, p)
	} else {
		s.messages[s.posted%remembered] = p
	}
	s.posted++
	return g.message(b, s, p, time.Time{}, reply)
}

func (g *Generator) message(b []byte, s *space, p post, edited time.Time, reply bool) []byte {
	thread, _, _ := strings.Cut(p.id, ".")
	text := g.text()
	if b == nil {
		b = make([]byte, 0, 512+3*len(text)+len(text)/4)
	}
	b = append(b, `{"message":{"name":"spaces/`...)
	b = append(append(b, s.id...), "/messages/"...)
	b = append(append(b, p.id...), `","sender":{"name":"users/`...)
	b = append(append(b, p.sender...), `","type":"HUMAN"},"createTime":"`...)
	b = append(p.created.AppendFormat(b, wireTime), '"')
	if !edited.IsZero() {
		b = append(b, `,"lastUpdateTime":"`...)
		b = append(edited.AppendFormat(b, wireTime), '"')
	}
	start := len(b) + len(`,"text":`)
	b = appendQuoted(append(b, `,"text":`...), text)
	quoted := b[start:]
	b = append(append(b, `,"formattedText":`...), quoted...)
	b = append(append(b, `,"argumentText":`...), quoted...)
	b = append(b, `,"thread":{"name":"spaces/`...)
	b = append(append(b, s.id...), "/threads/"...)
	b = append(append(b, thread...), `"}`...)
	if reply {
		b = append(b, `,"threadReply":true`...)
	}
	b = append(b, `,"space":{"name":"spaces/`...)
	return append(append(b, s.id...), `"}}}`...)
}

// post picks a recent message of the space, one that nobody remembers if
// there is none.
func (g *Generator) post(s *space) *post {
	if len(s.messages) == 0 {
		id := token(g.random, 11) + "." + token(g.random, 11)
		s.messages = append(s.messages, post{id: id, sender: g.user(), created: g.now.Add(-time.Hour)})
		s.posted++
	}
	return &s.messages[g.random.IntN(len(s.messages))]
}

// reactionCreated appends {"reaction":{…}} of a reaction that wasn't there.
func (g *Generator) reactionCreated(b []byte, s *space) []byte {
	g.counts.Reactions++
	p := g.post(s)
	user, emoji := g.user(), emojis[g.emojiRank.Uint64()]
	for p.reacted[user+emoji] {
		user = g.users[g.random.IntN(len(g.users))]
		emoji = emojis[g.random.IntN(len(emojis))]
	}
	if p.reacted == nil {
		p.reacted = map[string]bool{}
	}
	p.reacted[user+emoji] = true
	return reaction(b, s, p, user, emoji)
}

func reaction(b []byte, s *space, p *post, user, emoji string) []byte {
	b = append(b, `{"reaction":{"name":"spaces/`...)
	b = append(append(b, s.id...), "/messages/"...)
	b = append(append(b, p.id...), "/reactions/"...)
	b = append(append(b, user...), '.')
	b = base64.StdEncoding.AppendEncode(b, []byte("UNICODE."+emoji))
	b = append(append(b, `","user":{"name":"users/`...), user...)
	b = append(append(b, `","type":"HUMAN"},"emoji":{"unicode":"`...), emoji...)
	return append(b, `"}}}`...)
}

// membershipCreated appends {"membership":{…}} of a person who joins: each
// person once per space, in the space's own order.
func (g *Generator) membershipCreated(b []byte, s *space) []byte {
	g.counts.Joins++
	if n := len(s.left); n > 0 && (s.members >= len(g.users) || g.random.IntN(2) == 0) {
		user := s.left[n-1]
		s.left = s.left[:n-1]
		return membership(b, s, user, "ROLE_MEMBER")
	}
	user := g.users[(s.offset+s.members)%len(g.users)]
	s.members++
	return membership(b, s, user, "ROLE_MEMBER")
}

// joinable returns s, or another space if everybody is in s already.
func (g *Generator) joinable(s *space) *space {
	for s.members >= len(g.users) && len(s.left) == 0 {
		s = g.spaces[g.random.IntN(len(g.spaces))]
	}
	return s
}

// membership carries the epoch as its createTime, as Google's own samples do.
func membership(b []byte, s *space, user, role string) []byte {
	b = append(b, `{"membership":{"name":"spaces/`...)
	b = append(append(b, s.id...), "/members/"...)
	b = append(append(b, user...), `","state":"JOINED","role":"`...)
	b = append(append(b, role...), `","member":{"name":"users/`...)
	b = append(append(b, user...), `","type":"HUMAN"},"createTime":"1970-01-01T00:00:00Z"}}`...)
	return b
}

func (g *Generator) user() string { return g.users[g.userRank.Uint64()] }

// appendQuoted appends text as JSON, escaping no more than JSON asks for.
func appendQuoted(b []byte, text string) []byte {
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
