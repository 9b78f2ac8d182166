package rules

import (
	"context"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// possible finds an action that needs what a trigger never brings, such as a
// thread to reply in when somebody joins: each of its runs would fail. Only
// actions know what they need, so they are asked for a request, with all that
// there can be and with what there is.
func (c *ruleCompiler) possible(path string, d *Do) {
	if d.Action.Kind() == reactors.Composes {
		return // what it asks for isn't known before it has run
	}
	const space = "spaces/SAMPLE"
	whole := reactors.Facts{
		Space:    reactors.SpaceFacts{Name: space},
		Member:   reactors.MemberFacts{Name: "users/SAMPLE", Type: "HUMAN"},
		Message:  reactors.MessageFacts{Name: space + "/messages/SAMPLE", Thread: space + "/threads/SAMPLE"},
		Reaction: reactors.ReactionFacts{Emoji: "👍"},
	}
	if _, err := d.try(whole); err != nil {
		return // for another reason
	}
	for _, t := range c.rule.On {
		f := whole
		f.Trigger = t
		requests, err := d.try(expr.Brought(f))
		at := c.Where(strictyaml.Join(path, "to"))
		if err != nil {
			why := strings.TrimPrefix(err.Error(), "prepare \""+d.Label+"\": ")
			c.At(at, "", "%s: of %s, %s", d.Action.Name(), t, why)
		}
		for _, r := range requests {
			if t == reactors.SpaceDeleted && r.Write != nil && r.Write.Space == space {
				c.At(at, "send it to another space, as in to: spaces/AAAA", "%s: of %s, the space is gone", d.Action.Name(), t)
			}
		}
	}
}

// try prepares the action for facts, with its texts as they are written.
func (d Do) try(f reactors.Facts) ([]reactors.Request, error) {
	d.texts = nil
	run := reactors.Run{Reactor: "sample", Subject: "sample", Trigger: f.Trigger, Space: f.Space.Name, Member: f.Member.Name, Facts: f}
	return d.render(context.Background(), run, f, time.Time{})
}
