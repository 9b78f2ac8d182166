package replay

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// spaceName is what the spaces of tests are called: as one whose name isn't
// known.
const spaceName = "this space"

// story is the events of a test, and the state that follows from them.
type story struct {
	start  time.Time
	inputs []rules.TestEvent
}

func (s *story) at(g *rules.TestEvent) time.Time { return s.start.Add(g.At) }

// facts are what an event of the story tells itself.
func (s *story) facts(i int) reactors.Facts {
	g := &s.inputs[i]
	f := reactors.Facts{
		Trigger: g.Trigger,
		Event:   reactors.EventFacts{Type: string(g.Trigger), Time: s.at(g).UTC()},
		Space:   reactors.SpaceFacts{Name: g.Space},
	}
	if g.Trigger != reactors.Schedule {
		f.Event.ID = fmt.Sprintf("%s/spaceEvents/test-%d", g.Space, i+1)
	}
	if g.Member != "" {
		f.Member = reactors.MemberFacts{Name: g.Member, Type: string(events.UserHuman), Role: g.Role}
		if g.Bot {
			f.Member.Type = string(events.UserBot)
		}
	}
	if g.Trigger == reactors.MemberRoleChanged {
		f.Member.PreviousRole = s.roleBefore(i)
	}
	switch g.Trigger {
	case reactors.GroupAdded, reactors.GroupRemoved:
		f.GoogleGroup.Name = "groups/TEST"
	case reactors.MessageCreated, reactors.MessageEdited:
		f.Message = reactors.MessageFacts{Name: g.Message, Text: g.Text, Thread: g.Thread, IsReply: s.repliesBefore(i)}
	case reactors.MessageDeleted, reactors.ReactionAdded, reactors.ReactionRemoved:
		f.Message.Name, f.Reaction.Emoji = g.Message, g.Emoji
	}
	return f
}

func (s *story) roleBefore(i int) string {
	for _, g := range slices.Backward(s.inputs[:i]) {
		if g.Space == s.inputs[i].Space && g.Member == s.inputs[i].Member && g.Role != "" {
			return g.Role
		}
	}
	if s.inputs[i].Role == "ROLE_MEMBER" {
		return "ROLE_MANAGER"
	}
	return "ROLE_MEMBER"
}

// repliesBefore reports whether the message's thread was begun by another one.
func (s *story) repliesBefore(i int) bool {
	return slices.ContainsFunc(s.inputs[:i], func(g rules.TestEvent) bool {
		return g.Trigger == reactors.MessageCreated && g.Thread == s.inputs[i].Thread && g.Message != s.inputs[i].Message
	})
}

// lookup returns the state as of a time, as the store does. People that the story
// doesn't mention are in the space, and messages that it doesn't mention exist.
func (s *story) lookup(_ context.Context, run reactors.Run, _ reactors.Needs, at time.Time) (reactors.Facts, error) {
	f := run.Facts
	f.Space.DisplayName, f.Space.Type = spaceName, "SPACE"
	f.Member.IsMember, f.Message.Exists = f.Member.Name != "", f.Message.Name != ""
	role := "" // now
	inside := map[string]bool{}
	week := tally{posters: map[string]bool{}, emoji: map[string]int{}}
	for i := range s.inputs {
		g := &s.inputs[i]
		when := s.at(g)
		if when.After(at) {
			break
		}
		if g.Space != f.Space.Name {
			continue
		}
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
			if !mine && !g.Bot && g.Thread == f.Message.Thread && when.After(f.Event.Time) {
				f.Message.RepliesByOthers++
			}
		case reactors.MessageDeleted:
			if g.Message == f.Message.Name {
				f.Message.Exists = false
			}
		}
		if mine && (g.Trigger == reactors.MemberJoined || g.Trigger == reactors.MemberLeft) {
			f.Member.IsMember, role = inside[g.Member], ""
		}
		if mine && (g.Trigger == reactors.MemberJoined || g.Trigger == reactors.MemberRoleChanged) {
			role = g.Role
		}
	}
	f.Member.Role = cmp.Or(f.Member.Role, role)
	f.Space.Members = len(inside)
	f.Space.Week = week.facts()
	return f, nil
}

// tally sums up a week.
type tally struct {
	week    reactors.WeekFacts
	posters map[string]bool
	emoji   map[string]int
}

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
		t.emoji[g.Emoji]++
	}
}

func (t *tally) facts() reactors.WeekFacts {
	w := t.week
	w.Posters = len(t.posters)
	for e, n := range t.emoji {
		if best := t.emoji[w.TopEmoji]; cmp.Or(cmp.Compare(n, best), cmp.Compare(w.TopEmoji, e)) > 0 {
			w.TopEmoji = e
		}
	}
	return w
}
