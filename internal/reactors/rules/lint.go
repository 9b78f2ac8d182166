package rules

import (
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// reference is a parameter that names another action, in an action at a place.
type reference struct {
	node  *strictyaml.Node
	place int
	by    *Do
}

func (c *ruleCompiler) has(label string) bool {
	_, ok := c.labels[label]
	return ok
}

// references finds actions that work on one that isn't there, or not yet.
func (c *ruleCompiler) references() {
	for path, of := range c.of {
		n := of.node
		if n.Kind != strictyaml.Text {
			continue // reported
		}
		place, known := c.labels[n.Text]
		switch {
		case !known:
			c.At(n.At, suggestLabel(n.Text, c.labels), "%s: no action of this reactor has the id %q", path, n.Text)
		case place >= of.place:
			c.At(n.At, "put it behind", "%s: %q is done only after this", path, n.Text)
		case c.collapsed > 0 && place < c.collapsed && of.place >= c.collapsed:
			c.At(n.At, "what collapse does takes the place of do", "%s: %q isn't done where this is", path, n.Text)
		default:
			c.ofMessage(path, n, c.dos[n.Text], of.by)
		}
	}
}

// ofMessage looks whether an action has a message that another can change, and in
// the space where that looks for it.
func (c *ruleCompiler) ofMessage(path string, n *strictyaml.Node, d, by *Do) {
	if d.Action.Kind() == reactors.Composes {
		return // nobody knows
	}
	in, looked := d.actsIn(), by.actsIn()
	switch name := d.Action.Name(); {
	case name == "dm" && looked != "":
	case name == "dm":
		c.At(n.At, "", "%s: the message of %q is in another space for each person", path, n.Text)
	case name != "send":
		c.At(n.At, "name the id of a send", "%s: %q is a %s and sends no message", path, n.Text, name)
	case in == looked:
	case in != "" && looked != "":
		c.At(n.At, "say space: "+in, "%s: %q is sent to %s", path, n.Text, in)
	case in != "":
		c.doubts.At(n.At, "say space: "+in, "%s: %q is sent to %s, and looked for in the space of the trigger", path, n.Text, in)
	default:
		c.doubts.At(n.At, "leave out space", "%s: %q is sent to the space of the trigger, and looked for in %s", path, n.Text, looked)
	}
}

// doubt reports what is allowed and can hardly be meant.
func (c *ruleCompiler) doubt(path string, n *strictyaml.Node, doubts []*expr.Error) {
	for _, d := range doubts {
		c.doubts.At(n.Inside(d.Offset), d.Suggestion, "%s: %s", path, d.Message)
	}
}

// spaceNames doubts that a space is called as none that is known.
func (c *ruleCompiler) spaceNames(path string, n *strictyaml.Node, compared []expr.Literal) {
	if len(c.opts.SpaceNames) == 0 {
		return // nobody knows
	}
	known := setOf(c.opts.SpaceNames)
	for _, l := range compared {
		if known[l.Text] {
			continue
		}
		fix := ""
		if near := strictyaml.Nearest(l.Text, c.opts.SpaceNames); near != "" {
			fix = "did you mean " + near + "?"
		}
		c.doubts.At(n.Inside(l.Offset), fix, "%s: no space that is known is called %q", path, l.Text)
	}
}

// ticksInQuietHours finds a schedule that does nothing as all its times fall into
// quiet hours, and are dropped.
func (c *ruleCompiler) ticksInQuietHours() {
	r := c.rule
	if r.Cron == nil || r.Quiet == nil || !r.Quiet.Drop {
		return
	}
	for _, s := range r.Steps {
		if !r.Cron.Ever(func(at time.Time) bool { return r.Quiet.Allows(s.After.From(at)) }) {
			c.At(c.Where("cron"), "say else: defer, or allow its times", "cron: all its times fall into quiet hours, which drop them")
			return
		}
	}
}
