package replay

import (
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
		f.Member = reactors.MemberFacts{Name: g.Member, Type: typeOf(g), Role: g.Role, Affiliation: g.Affiliation}
	}
	switch g.Trigger {
	case reactors.MemberLeft: // Google tells who, and no more
		f.Member = reactors.MemberFacts{Name: g.Member}
	case reactors.MemberRoleChanged:
		f.Member.PreviousRole = s.roleBefore(i)
	case reactors.GroupAdded, reactors.GroupRemoved:
		f.GoogleGroup.Name = g.Group
	case reactors.MessageCreated, reactors.MessageEdited, reactors.AppMentioned, reactors.AppMessaged, reactors.Command:
		f.Message = reactors.MessageFacts{
			Name: g.Message, Text: g.Text, Author: g.Member, Thread: g.Thread, IsReply: s.repliesBefore(i), Quoted: g.Quotes,
		}
		f.Command.ID = g.Command
	case reactors.CardClicked:
		f.Message = reactors.MessageFacts{Name: g.Message, Text: g.Text, Author: theApp, Thread: g.Thread}
		f.Card = reactors.CardFacts{Function: g.Function, Parameters: g.Parameters}
	case reactors.MessageDeleted, reactors.ReactionAdded, reactors.ReactionRemoved:
		f.Message.Name, f.Reaction.Emoji = g.Message, g.Emoji
	}
	f.Derive()
	return f
}

// theApp writes the messages that hold cards.
const theApp = "users/APP"

func typeOf(g *rules.TestEvent) string {
	switch {
	case g.Unknown:
		return ""
	case g.Bot:
		return string(events.UserBot)
	}
	return string(events.UserHuman)
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
		return g.Writes() && g.Thread == s.inputs[i].Thread && g.Message != s.inputs[i].Message
	})
}
