// Package workload makes up Google Chat events as they arrive from Pub/Sub, at
// benchmark speed: the same wire format, sizes, skew and vocabulary as a
// company's real chat, and the same stream for the same seed.
//
// It promises that every message is valid by the documentation, that ce-time
// strictly advances, and that ids are unique but for the duplicates asked for.
// It doesn't model a workspace: the simulated Chat API does that. The mix is
// 85 % messages, 5 % joins and 10 % reactions, Zipf distributed over spaces
// and people.
//
// # Concurrency
//
// A Generator belongs to one goroutine. Messages may be shared; they never
// change.
package workload

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Options of a [Generator]. The zero value works.
type Options struct {
	Spaces     int           // how many spaces; default 2,000
	Users      int           // how many people; default 5,000
	Start      time.Time     // the time of the first event; default 2026-01-05 08:00 UTC
	Interval   time.Duration // mean time between events, at least 2 µs; default 50 ms
	Duplicates float64       // share of messages that repeat a recent ce-id; default none
	Full       bool          // also edits, deletions, leaves, space changes and batch events
}

// Message is one Pub/Sub message.
type Message struct {
	Attributes  map[string]string
	Data        []byte
	OrderingKey string
}

// Counts says what a Generator has made so far. Items of batches count one by
// one; duplicates only count as such.
type Counts struct {
	Events     int // distinct ce-ids
	Duplicates int // messages that repeated one
	Messages   int // messages created
	Reactions  int // reactions created, each on its own subject unless Full
	Joins      int // memberships created, each of its own (space, person) unless Full
	Changes    int // everything else: edits, deletions, leaves, space changes
}

// Generator makes messages.
type Generator struct {
	options    Options
	random     *rand.Rand
	spaceRank  *rand.Zipf
	userRank   *rand.Zipf
	wordRank   *rand.Zipf
	commonRank *rand.Zipf
	emojiRank  *rand.Zipf
	spaces     []*space
	users      []string // ids
	words      []string
	now        time.Time
	counts     Counts
	recent     []Message // what duplicates repeat
}

// space is a space and what its later events refer to.
type space struct {
	id       string
	source   string // ce-source: the subscription on the space
	messages []post // recent ones
	posted   int
	members  int // how many people have joined so far
	offset   int // where the space's own order of people begins
	left     []string
}

// post is a message that was sent.
type post struct {
	id      string // "T.M"
	sender  string
	created time.Time
	reacted map[string]bool // "user.emoji"
}

const (
	remembered  = 32  // posts of a space
	recallDepth = 512 // messages that a duplicate may repeat
	wireTime    = "2006-01-02T15:04:05.000000Z"
)

// New returns a Generator. Equal seeds and options make equal streams.
func New(seed uint64, o Options) *Generator {
	if o.Spaces == 0 {
		o.Spaces = 2000
	}
	if o.Users == 0 {
		o.Users = 5000
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	}
	if o.Interval == 0 {
		o.Interval = 50 * time.Millisecond
	}
	random := rand.New(rand.NewPCG(seed, 0x5eed))
	g := &Generator{
		options:    o,
		random:     random,
		spaceRank:  rand.NewZipf(random, 1.2, 8, uint64(o.Spaces-1)),
		userRank:   rand.NewZipf(random, 1.1, 16, uint64(o.Users-1)),
		emojiRank:  rand.NewZipf(random, 1.4, 2, uint64(len(emojis)-1)),
		commonRank: rand.NewZipf(random, 1.1, 3, uint64(len(commonWords)-1)),
		now:        o.Start.UTC().Truncate(time.Microsecond),
	}
	g.words = vocabulary(random)
	g.wordRank = rand.NewZipf(random, 1.05, 30, uint64(len(g.words)-1))
	for range o.Users {
		g.users = append(g.users, "1"+digits(random, 20))
	}
	for range o.Spaces {
		id := "AAQA" + token(random, 7)
		authority := base64.RawURLEncoding.EncodeToString([]byte("s:" + id + ":" + g.users[0] + ":113977916201552346146"))
		g.spaces = append(g.spaces, &space{
			id:     id,
			source: "//workspaceevents.googleapis.com/subscriptions/chat-spaces-" + authority,
			offset: random.IntN(o.Users),
		})
	}
	return g
}

// Counts returns what was made so far.
func (g *Generator) Counts() Counts { return g.counts }

// Next makes the next message.
func (g *Generator) Next() Message {
	if len(g.recent) > 0 && g.random.Float64() < g.options.Duplicates {
		g.counts.Duplicates++
		return g.recent[g.random.IntN(len(g.recent))]
	}
	g.now = g.now.Add(time.Microsecond + time.Duration(g.random.Int64N(int64(2*g.options.Interval))).Truncate(time.Microsecond))
	g.counts.Events++
	m := g.event()
	if g.options.Duplicates > 0 {
		if len(g.recent) < recallDepth {
			g.recent = append(g.recent, m)
		} else {
			g.recent[g.random.IntN(recallDepth)] = m
		}
	}
	return m
}

func (g *Generator) event() Message {
	s := g.spaces[g.spaceRank.Uint64()]
	roll := g.random.Float64()
	if g.options.Full {
		if m, ok := g.change(s, &roll); ok {
			return m
		}
	}
	switch {
	case roll < 0.85:
		return g.single(s, events.KindMessage, events.VerbCreated, g.messageCreated(nil, s))
	case roll < 0.95:
		return g.single(s, events.KindReaction, events.VerbCreated, g.reactionCreated(nil, s))
	default:
		s = g.joinable(s)
		return g.single(s, events.KindMembership, events.VerbCreated, g.membershipCreated(nil, s))
	}
}

func (g *Generator) single(s *space, kind events.Kind, verb events.Verb, data []byte) Message {
	return g.envelope(s, events.TypeName(kind, verb), data)
}

// envelope adds the attributes of an event in s that happens now.
func (g *Generator) envelope(s *space, eventType string, data []byte) Message {
	id := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d_%d_%s", g.now.UnixMicro(), typeNumber(eventType), verb(eventType)))
	return Message{
		Attributes: map[string]string{
			"ce-id":              "spaces/" + s.id + "/spaceEvents/" + id,
			"ce-type":            eventType,
			"ce-source":          s.source,
			"ce-subject":         "//chat.googleapis.com/spaces/" + s.id,
			"ce-time":            g.now.Format(wireTime),
			"ce-specversion":     "1.0",
			"ce-datacontenttype": "application/json",
		},
		Data:        data,
		OrderingKey: s.source,
	}
}

// token is n characters of base64url, as ids are made of.
func token(r *rand.Rand, n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func digits(r *rand.Rand, n int) string {
	b := make([]byte, 0, n)
	for range n {
		b = strconv.AppendInt(b, int64(r.IntN(10)), 10)
	}
	return string(b)
}
