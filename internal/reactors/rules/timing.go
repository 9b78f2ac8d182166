package rules

import (
	"reflect"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// timing checks when a rule's runs are due, and how often it acts.
func (c *ruleCompiler) timing() {
	k, r := &c.keys, c.rule
	if c.Has("wait") {
		c.waits("wait", k.Wait.Wait)
		if c.Has("sequence") {
			c.At(c.Where("wait"), "use after in its first step", "wait is for do, not for a sequence")
		}
	}
	c.until()
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
	if c.Has("limit.else") && len(r.Limits) == 0 {
		c.doubts.At(c.Where("limit.else"), "for example per_space: 20/h", "limit.else says what becomes of the rest, and there is no limit")
	}
	for _, l := range r.Limits {
		path := "limit.per_" + string(l.Per)
		switch {
		case l.Per == reactors.PerApp && !k.Bots:
			c.At(c.Where(path), "say bots: true", "%s is for rules that mind apps", path)
		case l.Per == reactors.PerSpace || l.Per == reactors.PerMember:
			c.fills(c.Where(path), path, string(l.Per))
		}
	}
}

// ofSpace is state that changes with all that happens in a space.
const ofSpace = reactors.NeedSpace | reactors.NeedSpaceActivity | reactors.NeedWeek | reactors.NeedRecent | reactors.NeedTop

// until compiles what ends a wait early. Only what the member does, or what
// becomes of the message, makes a run look at it.
func (c *ruleCompiler) until() {
	r := c.rule
	r.Until = c.condition("until", c.keys.Until, c.env)
	if r.Until == nil {
		return
	}
	at := c.Where("until")
	told := reactors.NeedMessage | reactors.NeedAffiliation // by the event: it stays as it was then
	for _, t := range r.On {
		told &^= (&reactors.Facts{Trigger: t}).Untold()
	}
	switch {
	case c.Has("sequence"):
		c.At(at, "give the first step a reactor of its own", "until is for do, not for a sequence")
	case !c.Has("wait"):
		c.At(at, "for example wait: 1d: at its end the rule acts, whatever until says", "until needs wait")
	case c.Has("collapse"):
		c.At(at, "", "until is for each run, and collapse waits for all")
	case r.Until.Needs()&^ofSpace&^told == 0:
		c.At(at, "for example member.messages_in_space > 0", "until asks for nothing that changes with what the member does or what becomes of the message")
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

// onceWords are what a rule may act once per, in the order of subjects.
func onceWords() []string {
	return []string{"space", "member", "message", "thread", "event", "day", "week"}
}

// oncePerKeys is a list of words, or a section that says for how long, too.
type oncePerKeys oncePerSection

type oncePerSection struct {
	Keys []string      `yaml:"keys" required:"true" empty:"no" doc:"For what the rule acts at most once." enum:"space,member,message,thread,event,day,week"`
	For  time.Duration `yaml:"for" doc:"How long after the event that it has acted on; then it may act again. For good if not set."`
}

func (k *oncePerKeys) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	switch {
	case n.Kind == strictyaml.Section:
		d.Decode(path, n, (*oncePerSection)(k))
	case n.Kind == strictyaml.Text && !slices.Contains(onceWords(), n.Text):
		d.Refuse(path, n, wording.Word(n.Text, onceWords()), "%s must be a list, and there is no %q", path, n.Text)
	default:
		d.Decode(path, n, &k.Keys)
	}
}

func (*oncePerKeys) Schema(s *schemer) schema {
	section := s.Section(reflect.TypeFor[oncePerSection]())
	list := schema{"type": "array", "items": strictyaml.Words(onceWords()), "minItems": 1, "uniqueItems": true}
	return schema{"oneOf": []any{list, section}}
}

func (c *ruleCompiler) oncePer() {
	r := c.rule
	written, path := c.keys.OncePer.Keys, "once_per"
	if n := c.Nodes[path]; n != nil && n.Kind == strictyaml.Section {
		path = "once_per.keys"
		if !c.Has(path) {
			c.At(n.At, "for example keys: [space, member]", "once_per needs keys")
		}
		if c.Has("once_per.for") {
			c.between("once_per.for", c.keys.OncePer.For, time.Minute, maxFor)
			r.Again = c.keys.OncePer.For
		}
	}
	for i, w := range written {
		at := c.Where(strictyaml.Item(path, i))
		switch {
		case w == "" && c.Wrong[strictyaml.Item(path, i)]: // reported
		case !slices.Contains(onceWords(), w):
			c.At(at, wording.Word(w, onceWords()), "once_per: there is no %q", w)
		case slices.Contains(written[:i], w):
			c.At(at, "", "once_per: %s is listed twice", w)
		case w == "member" || w == "message" || w == "space":
			c.fills(at, "once_per", w)
		case w == "thread":
			for _, t := range r.On {
				if t.Kind() == events.KindReaction || t == reactors.MessageDeleted || !slices.Contains(expr.Variables(t), "message") {
					c.At(at, "", "once_per: there is no thread in %s", t)
					break
				}
			}
		}
	}
	if c.Has(path) && c.Nodes[path].Kind == strictyaml.List && len(written) == 0 {
		c.At(c.Where(path), "say event to act each time", "%s is empty", path)
	}
	// A fixed order: to write it in another one changes no subject.
	for _, k := range onceWords() {
		if slices.Contains(written, k) {
			r.OncePer = append(r.OncePer, k)
		}
	}
	if len(r.OncePer) == 0 {
		r.OncePer = reactors.OncePer(r.On)
		if r.If != nil && r.If.Needs()&reactors.NeedReactions != 0 && !slices.ContainsFunc(r.On, func(t reactors.Trigger) bool {
			return t.Kind() != events.KindReaction
		}) {
			r.OncePer = []string{"message"} // it waits for so many
		}
	}
}
