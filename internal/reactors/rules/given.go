package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// given fills in what the events of a test leave out.
func given(keys []givenKeys, r *Rule) []Given {
	space := "spaces/TEST"
	if r != nil && len(r.Include) > 0 {
		space = r.Include[0]
	}
	list := make([]Given, 0, len(keys))
	for i, k := range keys {
		g := Given{
			At: k.At, Trigger: k.trigger, Member: k.Member, Space: k.Space, Message: k.Message,
			Thread: k.Thread, Text: k.Text, Emoji: k.Emoji, Role: k.Role, Bot: k.Bot,
		}
		fills := expr.Variables(g.Trigger)
		if g.Member == "" && slices.Contains(fills, "member") {
			g.Member = "users/1"
		}
		if g.Space == "" {
			g.Space = space
		}
		if slices.Contains(fills, "message") {
			g.about(list, i)
		}
		if g.Emoji == "" && slices.Contains(fills, "reaction") {
			g.Emoji = "👍"
		}
		if g.Role == "" && strings.HasPrefix(string(g.Trigger), "member.") {
			g.Role = "ROLE_MEMBER"
		}
		list = append(list, g)
	}
	return list
}

// about gives an event its message: a new one, or else the newest one of its
// space.
func (g *Given) about(before []Given, i int) {
	if g.Message == "" && g.Trigger != reactors.MessageCreated {
		for _, b := range slices.Backward(before) {
			if b.Space == g.Space && b.Message != "" {
				g.Message = b.Message
				if g.Thread == "" {
					g.Thread = b.Thread
				}
				break
			}
		}
	}
	number := strconv.Itoa(i + 1)
	if g.Message == "" {
		g.Message = g.Space + "/messages/test-" + number
	}
	if g.Thread == "" {
		g.Thread = g.Space + "/threads/test-" + number
	}
}
