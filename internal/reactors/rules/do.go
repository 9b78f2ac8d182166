package rules

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

var labels = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)

// steps compiles what a rule does: do, sequence and collapse.
func (c *ruleCompiler) steps() {
	k, r := &c.keys, c.rule
	switch do, seq := c.has("do"), c.has("sequence"); {
	case do && seq:
		c.at(c.where("sequence"), "a sequence's steps have a do each", "a reactor has do or sequence, not both")
		return
	case !do && !seq:
		c.at(c.where(""), `for example do: [{send: {text: "Hello"}}]`, "a reactor needs do or sequence")
		return
	case do:
		r.Steps = []Step{{After: k.Wait, Do: c.do("do", "0", k.Do, c.env)}}
	default:
		c.sequence()
	}
	if c.has("collapse") {
		c.collapse()
	}
	for _, path := range slices.Sorted(maps.Keys(c.of)) {
		n := c.of[path]
		if n.kind == text && !c.labels[n.text] {
			c.at(n.at, suggestLabel(n.text, c.labels), "%s: no action of this reactor has the id %q", path, n.text)
		}
	}
}

// suggestLabel leaves out the places that stand for ids nobody wrote.
func suggestLabel(word string, all map[string]bool) string {
	var written []string
	for label := range all {
		if labels.MatchString(label) {
			written = append(written, label)
		}
	}
	if len(written) == 0 {
		return "give it one: send: {id: " + word + ", …}"
	}
	slices.Sort(written)
	return suggest(word, written)
}

func (c *ruleCompiler) sequence() {
	if c.nodes["sequence"].kind == list && len(c.keys.Sequence) == 0 {
		c.at(c.where("sequence"), "", "the sequence is empty")
	}
	before := time.Duration(-1)
	for i, k := range c.keys.Sequence {
		path := index("sequence", i)
		if n := c.nodes[path]; n == nil || n.kind != section {
			if n == nil || n.kind == nothing {
				c.at(c.where("sequence"), "", "%s is empty", path)
			}
			continue // reported
		}
		after := join(path, "after")
		if !c.has(after) {
			c.at(c.where(path), "for example after: 24h", "a step needs after")
		} else {
			c.between(after, k.After, 0, waitMost)
			if k.After >= 0 && k.After <= before {
				c.at(c.where(after), "", "%s must be later than %s, that of the step before", after, formatDuration(before))
			}
		}
		before = max(before, k.After)
		if !c.has(join(path, "do")) {
			c.at(c.where(path), "", "a step needs do")
		}
		cond := c.condition(join(path, "if"), k.If, c.env)
		do := c.do(join(path, "do"), fmt.Sprint(i), k.Do, c.env)
		c.rule.Steps = append(c.rule.Steps, Step{Index: i, After: k.After, If: cond, Do: do})
	}
}

func (c *ruleCompiler) collapse() {
	k := c.keys.Collapse
	if c.nodes["collapse"].kind != section {
		return // reported
	}
	for _, t := range c.rule.On {
		if !strings.HasPrefix(string(t), "member.") {
			c.at(c.where("collapse"), "", "collapse is for member.joined and such, not for %s", t)
			return
		}
	}
	if c.has("sequence") {
		c.at(c.where("collapse"), "give the first step a reactor of its own", "collapse is for do, not for a sequence")
		return
	}
	if !c.has("collapse.window") {
		c.at(c.where("collapse"), "for example window: 60s", "collapse needs a window")
	} else {
		c.between("collapse.window", k.Window, time.Second, day)
	}
	if !c.has("collapse.over") {
		k.Over = overDefault
	} else if k.Over < 1 && c.nodes["collapse.over"].kind == number {
		c.at(c.where("collapse.over"), "", "collapse.over must be at least 1")
	}
	if !c.has("collapse.do") {
		c.at(c.where("collapse"), `for example do: [{send: {text: "Welcome {{ group.mentions }}!"}}]`, "collapse needs do")
	}
	c.rule.Collapse = &Collapse{Window: k.Window, Over: k.Over, Do: c.do("collapse.do", "collapse", k.Do, c.env.ForGroup())}
}

// do compiles a list of actions.
func (c *ruleCompiler) do(path, step string, items []doNode, env *expr.Env) []Do {
	var done []Do
	if c.has(path) && c.nodes[path].kind == list && len(items) == 0 {
		c.at(c.where(path), "", "%s is empty", path)
	}
	for i, item := range items {
		at := index(path, i)
		n := item.node
		if n == nil || n.kind != section || len(n.pairs) != 1 {
			hint := `for example send: {text: "Hello"}`
			if n != nil && n.child("id") != nil {
				hint = `an id stands among the parameters, as in send: {id: hello, text: "Hello"}`
			}
			c.at(c.where(at), hint, "%s must be one action with its parameters", at)
			continue
		}
		if d := c.action(join(at, n.pairs[0].key), n.pairs[0], fmt.Sprintf("%s.%d", step, i), env); d != nil {
			done = append(done, *d)
		}
	}
	return done
}

func (c *ruleCompiler) action(path string, p pair, label string, env *expr.Env) *Do {
	action, ok := c.actions[p.key]
	if !ok {
		c.at(p.at, suggest(p.key, slices.Sorted(maps.Keys(c.actions))), "there is no action %q", p.key)
		return nil
	}
	d := &Do{Action: action, Label: label, Params: action.Params()}
	n := p.value
	if n.kind == nothing {
		n = &node{kind: section, at: p.at}
	}
	known := len(c.compiler.list)
	if id := n.child("id"); id != nil {
		d.Label = c.label(join(path, "id"), id)
		n = n.without("id")
	}
	c.labels[d.Label] = true
	if of := n.child("of"); of != nil {
		c.of[join(path, "of")] = of
	}
	params := reflect.ValueOf(d.Params)
	c.decode(path, n, params.Elem())
	c.nodes[path] = &node{kind: n.kind, at: p.at}
	d.texts = c.texts(path, d.Params, env)
	if len(c.compiler.list) > known {
		return nil
	}
	for _, problem := range action.Check(d.Params) {
		at := path
		if problem.Field != "" {
			at = join(path, problem.Field)
		}
		c.at(c.where(at), problem.Hint, "%s: %s", p.key, problem.Message)
	}
	if len(c.compiler.list) == known {
		c.possible(path, d)
	}
	return d
}

func (c *ruleCompiler) label(path string, n *node) string {
	label := c.word(path, n)
	switch {
	case label == "":
	case !labels.MatchString(label):
		c.at(n.at, "small letters, digits, hyphens and underscores, a letter first", "%s %q is not one", path, label)
	case c.labels[label]:
		c.at(n.at, "", "another action has the id %q", label)
	}
	return label
}

// without is the section less a key.
func (n *node) without(key string) *node {
	c := *n
	c.pairs = slices.DeleteFunc(slices.Clone(n.pairs), func(p pair) bool { return p.key == key })
	return &c
}
