package rules

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

const (
	maxAgeLeast   = time.Second
	maxAgeMost    = 30 * day
	maxAgeDefault = 10 * time.Minute
	maxAgeSteps   = 24 * time.Hour // of a sequence
	waitMost      = 366 * day
	overDefault   = 5
)

var ids = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// compiler makes rules of nodes.
type compiler struct {
	*problems
	opts    Options
	actions map[string]reactors.Action
	env     *expr.Env
	cards   *cards
}

// ruleCompiler is at work on one rule.
type ruleCompiler struct {
	*compiler
	*decoder
	keys   ruleKeys
	env    *expr.Env // for the rule's triggers
	rule   *Rule
	labels map[string]bool  // all of them
	of     map[string]*node // parameters that name one, by path
}

// at settles which of the two embedded problem lists is meant: it is one.
func (c *ruleCompiler) at(p position, hint, format string, args ...any) {
	c.compiler.at(p, hint, format, args...)
}

// compile makes a rule of a node; nil if there is a problem.
func (c *compiler) compile(n *node) *Rule {
	known := len(c.list)
	rc := &ruleCompiler{
		compiler: c,
		decoder:  &decoder{problems: c.problems, nodes: map[string]*node{}, cards: c.cards},
		rule:     &Rule{Line: n.at.line},
		labels:   map[string]bool{},
		of:       map[string]*node{},
	}
	rc.decode("", n, reflect.ValueOf(&rc.keys).Elem())
	if n.kind != section {
		return nil
	}
	rc.basics()
	rc.trigger()
	rc.conditions()
	rc.timing()
	rc.oncePer()
	rc.steps()
	if len(c.list) > known {
		return nil
	}
	r := rc.rule
	for _, s := range r.Steps {
		r.needs = append(r.needs, r.needsOf(s))
	}
	r.Hash = c.hash(n, r)
	return r
}

func (c *ruleCompiler) basics() {
	k, r := &c.keys, c.rule
	r.ID, r.Description, r.Bots = k.ID, strings.TrimSpace(k.Description), k.Bots
	r.Include, r.Except = k.Spaces.Include, k.Spaces.Except
	switch {
	case !c.has("id"):
		c.at(c.where(""), "", "a reactor needs an id")
	case k.ID != "" && !ids.MatchString(k.ID):
		c.at(c.where("id"), "small letters, digits and hyphens, at most 40, a letter first", "id %q is not one", k.ID)
	}
	switch r.Mode = Mode(k.Mode); r.Mode {
	case Off, Shadow, Live:
	case "":
		r.Mode = Shadow
	default:
		c.at(c.where("mode"), suggest(k.Mode, []string{"off", "shadow", "live"}), "there is no mode %q", k.Mode)
	}
}

func (c *ruleCompiler) trigger() {
	r := c.rule
	r.On = slices.Clone(c.keys.On)
	for i, t := range r.On {
		if slices.Contains(r.On[:i], t) {
			c.at(c.where("on"), "", "on: %s is listed twice", t)
		}
	}
	c.env = c.compiler.env
	if len(r.On) > 0 {
		c.env = c.env.For(r.On)
	} else if n := c.nodes["on"]; !c.has("on") || n.kind == list && len(n.items) == 0 {
		c.at(c.where("on"), "for example on: member.joined", "a reactor needs on")
	}
	joined := slices.Contains(r.On, reactors.MemberJoined)
	left := slices.Contains(r.On, reactors.MemberLeft)
	r.Stay = joined && !left
	if s := c.keys.Stay; s != nil {
		r.Stay = *s
		if r.Stay && left {
			c.at(c.where("stay"), "", "stay would end every run of member.left")
		}
	}
	c.schedule()
}

func (c *ruleCompiler) schedule() {
	r := c.rule
	scheduled := slices.Contains(r.On, reactors.Schedule)
	switch {
	case scheduled && len(r.On) > 1:
		c.at(c.where("on"), "write two reactors", "on: schedule stands alone")
	case scheduled && !c.has("cron"):
		c.at(c.where("on"), `for example cron: "0 9 * * mon"`, "on: schedule needs cron")
	case scheduled && !c.has("zone"):
		c.at(c.where("cron"), "for example zone: Europe/Berlin", "cron needs a zone")
	}
	if !scheduled && len(r.On) > 0 {
		for _, key := range []string{"cron", "zone"} {
			if c.has(key) {
				c.at(c.where(key), "say on: schedule", "%s is for schedules", key)
			}
		}
	}
	r.zone = time.UTC
	if loc := c.keys.Zone.loc; loc != nil {
		r.zone = loc
		if c.keys.Cron != "" {
			cron, err := parseCron(c.keys.Cron, loc)
			if err != nil {
				c.at(c.where("cron"), `for example "0 9 * * mon": every Monday at 9:00`, "cron: %v", err)
			}
			r.Cron = cron
		}
	}
}

func (c *ruleCompiler) conditions() {
	k, r := &c.keys, c.rule
	r.Still = c.condition("still", k.Still, c.env)
	r.StopWhen = c.condition("stop_when", k.StopWhen, c.env)
	if c.has("stop_when") && !c.has("sequence") {
		c.at(c.where("stop_when"), "use still", "stop_when is for a sequence")
	}
	r.If = c.condition("if", k.If, c.env)
	c.tellEarly(r.If, "if: ")
	match := c.condition("spaces.match", k.Spaces.Match, c.env)
	c.tellEarly(match, "spaces.match: ")
	switch {
	case r.If == nil:
		r.If = match
	case match != nil:
		// A line of their own, as a condition may end in a comment.
		both, err := c.env.Condition("(" + k.If + "\n) && (" + k.Spaces.Match + "\n)")
		if err != nil {
			c.at(c.where("if"), "", "if and spaces.match together: %v", err)
		}
		r.If = both
	}
}

func (c *ruleCompiler) condition(path, src string, env *expr.Env) *expr.Condition {
	if strings.TrimSpace(src) == "" {
		if c.has(path) && c.nodes[path].kind == text {
			c.at(c.where(path), "", "%s is empty", path)
		}
		return nil
	}
	cond, err := env.Condition(src)
	if err != nil {
		c.inside(path, c.nodes[path], err)
		return nil
	}
	return cond
}

func (c *ruleCompiler) tellEarly(cond *expr.Condition, reason string) {
	if cond == nil {
		return
	}
	if at := cond.AtEvent(); at != nil {
		c.rule.early = append(c.rule.early, early{at, reason + strings.Join(strings.Fields(cond.Source()), " ")})
	}
}
