package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// timing checks when a rule's runs are due, and how often it acts.
func (c *ruleCompiler) timing() {
	k, r := &c.keys, c.rule
	if c.Has("wait") {
		c.between("wait", k.Wait, 0, maxWait)
		if c.Has("sequence") {
			c.At(c.Where("wait"), "use after in its first step", "wait is for do, not for a sequence")
		}
	}
	r.MaxAge = defaultAge
	if c.Has("sequence") {
		r.MaxAge = sequenceAge
	}
	if c.Has("max_age") {
		r.MaxAge = k.MaxAge
		c.between("max_age", k.MaxAge, minAge, maxAge)
	}
	if c.Has("quiet_hours") {
		r.Quiet = k.QuietHours.hours(c.Decoder, "quiet_hours")
		if loc := k.QuietHours.Zone.loc; loc != nil && r.Cron == nil {
			r.zone = loc
		}
	}
	r.Limits = k.Limit.limits()
	for _, l := range r.Limits {
		if l.Per != reactors.PerReactor {
			path := "limit.per_" + string(l.Per)
			c.fills(c.Where(path), path, string(l.Per))
		}
	}
}

// between checks a duration that was written.
func (c *ruleCompiler) between(path string, d, low, high time.Duration) {
	n := c.Nodes[path]
	if c.Wrong[path] {
		return // reported
	}
	switch {
	case d < 0:
		c.At(n.At, "", "%s must not be negative", path)
	case d < low:
		c.At(n.At, "", "%s must be at least %s", path, strictyaml.FormatDuration(low))
	case d > high:
		c.At(n.At, "", "%s must be at most %s", path, strictyaml.FormatDuration(high))
	}
}

// fills checks that all triggers of the rule fill a variable.
func (c *ruleCompiler) fills(at strictyaml.Position, what, variable string) {
	for _, t := range c.rule.On {
		if !slices.Contains(expr.Variables(t), variable) {
			c.At(at, "", "%s: there is no %s in %s", what, variable, t)
			return
		}
	}
}

// onceKeys are what a rule may act once per, in the order of subjects.
func onceKeys() []string {
	return []string{"space", "member", "message", "thread", "event", "day", "week"}
}

func (c *ruleCompiler) oncePer() {
	r := c.rule
	written := c.keys.OncePer
	for i, w := range written {
		at := c.Where(strictyaml.Item("once_per", i))
		switch {
		case w == "": // reported
		case !slices.Contains(onceKeys(), w):
			c.At(at, strictyaml.Suggest(w, onceKeys()), "once_per: there is no %q", w)
		case slices.Contains(written[:i], w):
			c.At(at, "", "once_per: %s is listed twice", w)
		case w == "member" || w == "message" || w == "space":
			c.fills(at, "once_per", w)
		case w == "thread":
			for _, t := range r.On {
				if t != reactors.MessageCreated && t != reactors.MessageEdited {
					c.At(at, "", "once_per: there is no thread in %s", t)
					break
				}
			}
		}
	}
	if c.Has("once_per") && c.Nodes["once_per"].Kind == strictyaml.List && len(written) == 0 {
		c.At(c.Where("once_per"), "say event to act each time", "once_per is empty")
	}
	// A fixed order: to write it in another one changes no subject.
	for _, k := range onceKeys() {
		if slices.Contains(written, k) {
			r.OncePer = append(r.OncePer, k)
		}
	}
	if len(r.OncePer) == 0 {
		r.OncePer = oncePerDefault(r.On)
	}
}

func oncePerDefault(on []reactors.Trigger) []string {
	of := func(t reactors.Trigger) string {
		switch t {
		case reactors.MemberJoined:
			return "space member"
		case reactors.MessageCreated:
			return "message"
		}
		return "event"
	}
	if len(on) == 0 || slices.ContainsFunc(on, func(t reactors.Trigger) bool { return of(t) != of(on[0]) }) {
		return []string{"event"}
	}
	return strings.Fields(of(on[0]))
}
