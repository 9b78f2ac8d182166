package rules

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/cards"
	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

const (
	minAge      = time.Second
	maxAge      = 30 * day
	defaultAge  = 10 * time.Minute
	sequenceAge = 24 * time.Hour // of a sequence
	maxWait     = 366 * day
	defaultOver = 5
	maxFor      = 10 * maxWait // of once_per
)

var ids = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// compiler makes rules of nodes.
type compiler struct {
	*strictyaml.Mistakes
	doubts  strictyaml.Mistakes // what is allowed and can hardly be meant
	opts    Options
	actions map[string]reactors.Action
	env     *expr.Env
	cards   *cards.Reader
	unready strictyaml.Mistakes // that may pass
}

// ruleCompiler is at work on one rule.
type ruleCompiler struct {
	*compiler
	*strictyaml.Decoder
	keys   ruleKeys
	env    *expr.Env // for the rule's triggers
	rule   *Rule
	labels map[string]int       // all of them, each with its place in the order in which they are done
	dos    map[string]*Do       // by label
	of     map[string]reference // parameters that name one, by path

	collapsed int // the place from which on are those of collapse; 0: there is none
}

// At settles which of the two embedded lists of mistakes is meant: it is one.
func (c *ruleCompiler) At(p strictyaml.Position, fix, format string, args ...any) {
	c.compiler.At(p, fix, format, args...)
}

// decoder returns a decoder that knows the types of actions' parameters.
func (c *compiler) decoder() *strictyaml.Decoder {
	d := strictyaml.NewDecoder(c.Mistakes)
	d.Suggest = func(_, key string, known []string) string { return wording.Word(key, known) }
	d.Special = func(path string, n *strictyaml.Node, to any) bool {
		switch p := to.(type) {
		case *reactors.ChatText:
			p.Source = d.Text(path, n)
		case *reactors.PlainText:
			p.Source = d.Text(path, n)
		case *reactors.Card:
			if n = c.cards.Read(d, path, n); n != nil {
				d.Nodes[path], p.Source = n, n.Plain()
			}
		default:
			return false
		}
		return true
	}
	return d
}

// compile makes a rule of a node; nil if there is a mistake.
func (c *compiler) compile(n *strictyaml.Node) *Rule {
	known := len(c.List)
	rc := &ruleCompiler{
		compiler: c,
		Decoder:  c.decoder(),
		rule:     &Rule{Line: n.At.Line},
		labels:   map[string]int{},
		dos:      map[string]*Do{},
		of:       map[string]reference{},
	}
	rc.Decode("", n, &rc.keys)
	if n.Kind != strictyaml.Section {
		return nil
	}
	rc.basics()
	rc.trigger()
	rc.conditions()
	rc.timing()
	rc.oncePer()
	rc.steps()
	rc.ticksInQuietHours()
	if len(c.List) > known {
		return nil
	}
	r := rc.rule
	for i := range r.Steps {
		r.Steps[i].needs = r.needsOf(r.Steps[i])
	}
	r.Hash = c.hash(n, r)
	return r
}

func (c *ruleCompiler) basics() {
	k, r := &c.keys, c.rule
	r.ID, r.Description, r.Bots = k.ID, strings.TrimSpace(k.Description), k.Bots
	r.Include, r.Except = k.Spaces.Include, k.Spaces.Except
	r.included, r.excepted = setOf(r.Include), setOf(r.Except)
	switch {
	case !c.Has("id"):
		c.At(c.Where(""), "", "a reactor needs an id")
	case !c.Wrong["id"] && !ids.MatchString(k.ID):
		c.At(c.Where("id"), "small letters, digits and hyphens, at most 40, a letter first", "id %q is not one", k.ID)
	}
	r.Mode = cmp.Or(Mode(k.Mode), Shadow)
}

func (c *ruleCompiler) trigger() {
	r := c.rule
	r.On = slices.Clone(c.keys.On)
	for i, t := range r.On {
		if slices.Contains(r.On[:i], t) {
			c.At(c.Where("on"), "", "on: %s is listed twice", t)
		}
	}
	c.env = c.compiler.env
	if len(r.On) > 0 {
		c.env = c.env.For(r.On)
	} else if n := c.Nodes["on"]; !c.Has("on") || n.Kind == strictyaml.List && len(n.Items) == 0 {
		c.At(c.Where("on"), "for example on: member.joined", "a reactor needs on")
	}
	joined := slices.Contains(r.On, reactors.MemberJoined)
	left := slices.Contains(r.On, reactors.MemberLeft)
	r.Stay = joined && !left
	if s := c.keys.Stay; s != nil {
		r.Stay = *s
		if r.Stay && left {
			c.At(c.Where("stay"), "", "stay would end every run of member.left")
		}
	}
	c.schedule()
}

func (c *ruleCompiler) schedule() {
	r := c.rule
	scheduled := slices.Contains(r.On, reactors.Schedule)
	switch {
	case scheduled && len(r.On) > 1:
		c.At(c.Where("on"), "write two reactors", "on: schedule stands alone")
	case scheduled && !c.Has("cron"):
		c.At(c.Where("on"), `for example cron: "0 9 * * mon"`, "on: schedule needs cron")
	case scheduled && !c.Has("zone"):
		c.At(c.Where("cron"), "for example zone: Europe/Berlin", "cron needs a zone")
	}
	if !scheduled && len(r.On) > 0 {
		for _, key := range []string{"cron", "zone"} {
			if c.Has(key) {
				c.At(c.Where(key), "say on: schedule", "%s is for schedules", key)
			}
		}
	}
	r.zone = time.UTC
	loc := c.keys.Zone.loc
	if loc == nil {
		return
	}
	r.zone = loc
	if c.keys.Cron != "" {
		var err error
		if r.Cron, err = clock.ParseCron(c.keys.Cron, loc); err != nil {
			c.At(c.Where("cron"), `for example "0 9 * * mon": every Monday at 9:00`, "cron: %v", err)
		} else if r.Cron.EitherDay() {
			c.doubts.At(c.Where("cron"), "to have both, leave one of them * and ask for it in if, as in now.getDayOfWeek(\"Europe/Berlin\") == 1",
				"cron: it falls due on each of these days of the month, and on each of these days of the week as well")
		}
	}
}

func (c *ruleCompiler) conditions() {
	k, r := &c.keys, c.rule
	r.Still = c.condition("still", k.Still, c.env)
	r.StopWhen = c.condition("stop_when", k.StopWhen, c.env)
	if c.Has("stop_when") && !c.Has("sequence") {
		c.At(c.Where("stop_when"), "use still", "stop_when is for a sequence")
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
			c.At(c.Where("if"), "", "if and spaces.match together: %v", err)
		}
		r.If = both
	}
}

func (c *ruleCompiler) condition(path, src string, env *expr.Env) *expr.Condition {
	if strings.TrimSpace(src) == "" {
		if c.Has(path) && c.Nodes[path].Kind == strictyaml.Text {
			c.At(c.Where(path), "", "%s is empty", path)
		}
		return nil
	}
	cond, err := env.Condition(src)
	if err != nil {
		c.explain(path, c.Nodes[path], err)
		return nil
	}
	c.doubt(path, c.Nodes[path], cond.Doubts())
	c.spaceNames(path, c.Nodes[path], cond.SpaceNames())
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
