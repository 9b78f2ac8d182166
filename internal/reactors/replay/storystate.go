package replay

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// lookup returns the state as of a time, as the store does. People that the story
// doesn't mention are in the space, and messages that it doesn't mention exist.
func (s *story) lookup(_ context.Context, run reactors.Run, _ reactors.Needs, at time.Time) (reactors.Facts, error) {
	f := run.Facts
	f.Space.DisplayName, f.Space.Type = spaceName, "SPACE"
	f.Member.IsMember, f.Message.Exists = f.Member.Name != "", f.Message.Name != ""
	role := "" // now
	inside := map[string]bool{}
	week := tally{posters: map[string]bool{}, alive: map[reaction]bool{}}
	for _, g := range s.until(f.Space.Name, at) {
		when := s.at(g)
		if when.After(at.AddDate(0, 0, -7)) {
			week.add(g)
		}
		mine := g.Member == f.Member.Name
		switch g.Trigger {
		case reactors.MemberJoined:
			inside[g.Member] = true
			if when.After(at.Add(-time.Hour)) {
				f.Space.JoinsLastHr++
			}
		case reactors.MemberLeft:
			delete(inside, g.Member)
		case reactors.MessageCreated:
			if mine {
				f.Member.MessagesInSpace++
			}
			if ago := at.Sub(when); !g.Bot && ago < 24*time.Hour {
				f.Space.Recent = append(f.Space.Recent, ago)
			}
		}
		if mine && (g.Trigger == reactors.MemberJoined || g.Trigger == reactors.MemberLeft) {
			f.Member.IsMember = inside[g.Member]
		}
		if mine && (g.Trigger == reactors.MemberJoined || g.Trigger == reactors.MemberRoleChanged) {
			role = g.Role
		}
	}
	if f.Trigger == reactors.MemberRoleChanged {
		role = cmp.Or(f.Member.Role, role)
	}
	f.Member.Role = cmp.Or(role, f.Member.Role)
	f.Space.Members = len(inside)
	f.Space.Week = week.facts()
	f.Space.Week.TopMessages = s.top(f.Space.Name, at)
	s.person(&f, at)
	s.message(&f, at)
	f.Derive()
	return f, nil
}

// until lists what has happened in a space up to a time.
func (s *story) until(space string, at time.Time) (list []*rules.TestEvent) {
	for i := range s.inputs {
		if g := &s.inputs[i]; g.Space == space && !s.at(g).After(at) {
			list = append(list, g)
		}
	}
	return list
}

// person adds what the story knows of the member: who is an app is known from
// the beginning, as from a list of members; of whom nobody knows, as long as no
// event tells.
func (s *story) person(f *reactors.Facts, at time.Time) {
	for i := range s.inputs {
		g := &s.inputs[i]
		if g.Member != f.Member.Name || g.Member == "" || s.at(g).After(at) && s.unknown(g.Member) {
			continue
		}
		if untold := f.Untold()&reactors.NeedMember != 0; untold || g.Bot && f.Trigger == reactors.MemberLeft {
			f.Member.Type = cmp.Or(typeOf(g), f.Member.Type)
		}
		if !s.at(g).After(at) && f.Untold()&reactors.NeedAffiliation != 0 {
			f.Member.Affiliation = g.Affiliation
		}
	}
}

// unknown reports whether somebody begins as one of whom nobody knows what they are.
func (s *story) unknown(member string) bool {
	return slices.ContainsFunc(s.inputs, func(g rules.TestEvent) bool { return g.Member == member && g.Unknown })
}

// told is what a story tells of one message.
type told struct {
	author, thread string
	versions       []*rules.TestEvent // that say what it says, in order
	written        time.Time          // zero: the story doesn't tell
	deleted        bool
	reply          bool
	reactions      map[giving]bool // that are there
}

// giving is who reacts with what.
type giving struct {
	member, emoji string
	human         bool
}

func givingOf(g *rules.TestEvent) giving {
	return giving{g.Member, g.Emoji, typeOf(g) == string(events.UserHuman)}
}

// of gathers what has happened to a message up to a time.
func (s *story) of(space, message string, at time.Time) told {
	t := told{reactions: map[giving]bool{}}
	for i := range s.inputs {
		g := &s.inputs[i]
		if g.Space != space || g.Message != message || s.at(g).After(at) {
			continue
		}
		t.thread = cmp.Or(t.thread, g.Thread)
		switch {
		case g.Writes(), g.Trigger == reactors.MessageEdited:
			t.author = cmp.Or(t.author, g.Member)
			t.versions = append(t.versions, g)
			if g.Writes() {
				t.written, t.reply = s.at(g), s.repliesBefore(i)
			}
		case g.Trigger == reactors.MessageDeleted:
			t.deleted = true
		case g.Trigger == reactors.ReactionAdded:
			t.reactions[givingOf(g)] = true
		case g.Trigger == reactors.ReactionRemoved:
			delete(t.reactions, givingOf(g))
		}
	}
	return t
}

// message adds what the story knows of the message.
func (s *story) message(f *reactors.Facts, at time.Time) {
	m := &f.Message
	if m.Name == "" {
		return
	}
	t := s.of(f.Space.Name, m.Name, at)
	m.Exists = !t.deleted
	if f.Untold()&reactors.NeedMessage != 0 {
		m.Author, m.Thread, m.IsReply = t.author, t.thread, t.reply
		if n := len(t.versions); n > 0 && !t.deleted {
			m.Text = t.versions[n-1].Text
		}
	}
	m.TextChanged = true
	for _, g := range t.versions {
		if s.at(g).Before(f.Event.Time) {
			m.PreviousText, m.TextChanged = g.Text, g.Text != m.Text
		}
	}
	author := cmp.Or(m.Author, t.author)
	for g := range t.reactions {
		if m.Reactions == nil {
			m.Reactions = map[string]int{}
		}
		m.Reactions[g.emoji]++
		if g.member != author && g.human {
			m.OthersReacted = append(m.OthersReacted, g.emoji)
		}
	}
	since := f.Event.Time
	if !t.written.IsZero() && t.written.Before(since) {
		since = t.written
	}
	for _, g := range s.until(f.Space.Name, at) {
		if !g.Writes() || typeOf(g) != string(events.UserHuman) || g.Member == author || g.Message == m.Name ||
			s.of(g.Space, g.Message, at).deleted {
			continue
		}
		if g.Thread == m.Thread && s.at(g).After(since) {
			m.RepliesByOthers++
		}
		if g.Quotes == m.Name {
			m.Quotes++
		}
	}
}

// top lists the messages that got the most reactions in the week before a time.
func (s *story) top(space string, at time.Time) []reactors.TopMessage {
	type entry struct {
		reactors.TopMessage
		told
		name string
	}
	var all []entry
	seen := map[string]bool{}
	for _, g := range s.until(space, at) {
		if g.Trigger != reactors.ReactionAdded || seen[g.Message] || !s.at(g).After(at.AddDate(0, 0, -7)) {
			continue
		}
		seen[g.Message] = true
		t := s.of(space, g.Message, at)
		if t.deleted || len(t.versions) == 0 || len(t.reactions) == 0 {
			continue
		}
		all = append(all, entry{reactors.TopMessage{
			Text: t.versions[len(t.versions)-1].Text, Author: reactors.Mention{User: t.author},
			Permalink: reactors.MessageLink(g.Message), Reactions: len(t.reactions),
		}, t, g.Message})
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.Reactions, a.Reactions), b.written.Compare(a.written), cmp.Compare(a.name, b.name))
	})
	var list []reactors.TopMessage
	for _, e := range all[:min(len(all), 5)] {
		list = append(list, e.TopMessage)
	}
	return list
}

// tally sums up a week.
type tally struct {
	week    reactors.WeekFacts
	posters map[string]bool
	alive   map[reaction]bool
}

// reaction is what somebody gave to a message.
type reaction struct{ message, member, emoji string }

func (t *tally) add(g *rules.TestEvent) {
	switch g.Trigger {
	case reactors.MessageCreated:
		if !g.Bot {
			t.week.Messages++
			t.posters[g.Member] = true
		}
	case reactors.MemberJoined:
		t.week.Joins++
	case reactors.MemberLeft:
		t.week.Leaves++
	case reactors.ReactionAdded:
		t.alive[reaction{g.Message, g.Member, g.Emoji}] = true
	case reactors.ReactionRemoved:
		delete(t.alive, reaction{g.Message, g.Member, g.Emoji})
	}
}

func (t *tally) facts() reactors.WeekFacts {
	w := t.week
	w.Posters = len(t.posters)
	counts := map[string]int{}
	for g := range t.alive {
		counts[g.emoji]++
	}
	w.TopEmoji = reactors.TopEmoji(counts)
	return w
}
