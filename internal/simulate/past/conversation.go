package past

import (
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// spoken is a message that was written.
type spoken struct {
	id     string // "T.M"
	sender *person
	at     time.Time
}

// converse starts a conversation at a time, and lets it go on for as long as
// people answer. What begins while nobody listens for good is left out, whole.
func (p *Past) converse(s *space, at time.Time) {
	author := p.somebody(s, at, energy)
	if author == nil || at.Before(p.from) || s.lost(at, false) {
		return
	}
	root := p.say(s, author, at, "", simulate.Remark(p.rng))
	p.react(s, root)
	if p.rng.IntN(100) < 38 {
		return // nobody answers
	}
	p.replies(s, root, 25*time.Minute, 1+int(1.8*p.rng.ExpFloat64()))
}

// replies lets others answer in a thread: the first after minutes or days, the
// next sooner. Sometimes the author says a word, too.
func (p *Past) replies(s *space, root spoken, median time.Duration, maximum int) {
	last := root
	for i := range min(maximum, 14) {
		at := p.later(last.at, median, 1.5)
		weight := energy
		if i > 0 && p.rng.IntN(3) == 0 {
			weight = func(who *person) float64 { // the author again, if still there
				if who == root.sender {
					return 100
				}
				return who.energy
			}
		}
		who := p.somebody(s, at, weight, last.sender)
		if who == nil {
			return
		}
		last = p.say(s, who, at, root.id, simulate.Answer(p.rng))
		p.react(s, last)
		median = 7 * time.Minute
	}
}

// say writes a message, in the thread of another or in one of its own, and what becomes
// of it: some are edited, some deleted.
func (p *Past) say(s *space, who *person, at time.Time, to, text string) spoken {
	id := p.token()
	m := message{
		Sender: user(who), CreateTime: stamp(at),
		Thread: object{"name": s.info.Name + "/threads/" + id}, Space: object{"name": s.info.Name},
	}
	said := spoken{id + "." + id, who, at}
	switch {
	case to != "" && !s.info.Flat:
		thread, _, _ := strings.Cut(to, ".")
		said.id = thread + "." + id
		m.Thread["name"], m.ThreadReply = s.info.Name+"/threads/"+thread, true
	case to != "" && p.rng.IntN(3) == 0 || p.rng.IntN(60) == 0:
		p.quote(s, &m)
	}
	m.Name = s.info.Name + "/messages/" + said.id
	if p.rng.IntN(16) == 0 {
		m.attach(p.rng)
	}
	if other := p.somebody(s, at, warmth, who); other != nil && p.rng.IntN(9) == 0 {
		m.mention(other)
	}
	m.write(text)
	p.tell(s, at, events.KindMessage, events.VerbCreated, m)
	s.recent = append(s.recent, said)
	s.recent = s.recent[max(0, len(s.recent)-20):]
	for edits := p.rng.IntN(40); edits < 2; edits++ { // one or two of them
		at = at.Add(time.Duration(20e6+p.rng.Int64N(9e8)) * time.Microsecond)
		m.write(" " + pick(p.rng, additions))
		m.LastUpdateTime = stamp(at)
		p.change(s, at, events.VerbUpdated, m)
	}
	if !who.bot && p.rng.IntN(50) == 0 {
		p.remove(s, m, said, p.later(at, 4*time.Minute, 1), deletions[p.deleted%len(deletions)])
		p.deleted++
	}
	return said
}

var additions = []string{"(typo, sorry)", "Update: done.", "Edit: it is the other one.", "Thanks to all!"}

// deletions are those of people's messages, in turn.
var deletions = []string{
	"CREATOR", "CREATOR", "SPACE_OWNER", "CREATOR", "ADMIN", "CREATOR", "CREATOR_VIA_APP", "CREATOR", "SPACE_OWNER_VIA_APP",
}

// remove deletes a message.
func (p *Past) remove(s *space, m message, said spoken, at time.Time, class string) {
	p.change(s, at, events.VerbDeleted, message{Name: m.Name, CreateTime: stamp(said.at), DeletionMetadata: object{"deletionType": class}})
}

// change tells of what became of a message, unless its event would be fetched later:
// that would show the message as it is then.
func (p *Past) change(s *space, at time.Time, verb events.Verb, m message) {
	if !s.lost(at, true) {
		p.tell(s, at, events.KindMessage, verb, m)
	}
}

// react lets some people react to a message, and take it back now and then.
func (p *Past) react(s *space, to spoken) {
	if p.rng.IntN(20) >= 7 {
		return
	}
	there := map[string]bool{}
	for range 1 + int(1.1*p.rng.ExpFloat64()) {
		at := p.later(to.at, 12*time.Minute, 1.4)
		who, emoji := p.somebody(s, at, warmth, to.sender), p.emoji()
		if who == nil || there[who.name+emoji] {
			continue
		}
		there[who.name+emoji] = true
		r := reactionOf(s, to, who, emoji)
		p.tell(s, at, events.KindReaction, events.VerbCreated, r)
		if p.rng.IntN(30) == 0 {
			p.tell(s, at.Add(time.Duration(p.rng.Int64N(3e8))*time.Microsecond), events.KindReaction, events.VerbDeleted, r)
		}
	}
}

// emojis are those that people use, and how often.
var emojis = []struct {
	emoji string
	often int
}{
	{"👍", 30}, {"❤️", 14}, {"😂", 10}, {"🎉", 9}, {"✅", 8}, {"👀", 6}, {"👍🏽", 6}, {"🙏", 5}, {"🚀", 5}, {"👍🏻", 4}, {"👏🏼", 3},
	{":party-parrot:", 3}, {"🙏🏾", 2}, {":shipit:", 2}, {"👩🏿‍💻", 1},
}

func (p *Past) emoji() string {
	n := p.rng.IntN(108)
	for _, e := range emojis {
		if n -= e.often; n < 0 {
			return e.emoji
		}
	}
	return emojis[0].emoji
}

// post lets apps write what they write by a clock: one each working day, one each day.
func (p *Past) post(s *space, day time.Time) {
	if s.index == silentSpace {
		return
	}
	if p.working(day.Add(9*time.Hour)) && s.index%2 == 0 {
		p.appPost(s, p.apps[0], day.Add(9*time.Hour), "Good morning! What are you working on today?")
	}
	if s.index < 2 {
		p.appPost(s, p.apps[1], day.Add(6*time.Hour+30*time.Minute), "Nightly build: all 412 checks have passed.")
	}
}

// appPost is a message of an app. It expires a day later now and then, or somebody
// deletes it; people answer some.
func (p *Past) appPost(s *space, app *person, at time.Time, text string) {
	at = at.Add(time.Duration(p.rng.Int64N(3e6)) * time.Microsecond)
	if at.Before(p.from) || s.lost(at, false) {
		return
	}
	said := p.say(s, app, at, "", text)
	m := message{Name: s.info.Name + "/messages/" + said.id}
	switch p.rng.IntN(9) {
	case 0:
		p.remove(s, m, said, said.at.Add(24*time.Hour), "APP_MESSAGE_EXPIRY")
	case 1:
		p.remove(s, m, said, p.later(said.at, time.Hour, 1), "SPACE_MEMBER")
	case 2, 3:
		p.replies(s, said, 20*time.Minute, 2)
	}
}

// quote quotes one of the last messages of the space.
func (p *Past) quote(s *space, m *message) {
	if len(s.recent) == 0 {
		return
	}
	of := pick(p.rng, s.recent)
	m.Quoted = object{"name": s.info.Name + "/messages/" + of.id, "lastUpdateTime": stamp(of.at)}
}

// lost reports whether nobody was told of what happened in a space at a time: for good, or until
// it was fetched.
func (s *space) lost(at time.Time, fetched bool) bool {
	for _, l := range s.losses {
		if l.fetched == fetched && !at.Before(l.from) && at.Before(l.to) {
			return true
		}
	}
	return false
}
