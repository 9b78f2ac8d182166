package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

var labels = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)

// steps compiles what a rule does: do, sequence and collapse.
func (c *ruleCompiler) steps() {
	k, r := &c.keys, c.rule
	switch do, seq := c.Has("do"), c.Has("sequence"); {
	case do && seq:
		c.At(c.Where("sequence"), "a sequence's steps have a do each", "a reactor has do or sequence, not both")
		return
	case !do && !seq:
		c.At(c.Where(""), `for example do: [{send: {text: "Hello"}}]`, "a reactor needs do or sequence")
		return
	case do:
		r.Steps = []Step{{After: k.Wait.Wait, Do: c.do("do", "0", k.Do, c.env)}}
	default:
		c.sequence()
	}
	if c.Has("collapse") {
		c.collapse()
	}
	c.references()
}

// suggestLabel leaves out the places that stand for ids nobody wrote.
func suggestLabel(word string, all map[string]int) string {
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
	return strictyaml.Suggest(word, written)
}

func (c *ruleCompiler) sequence() {
	if c.Nodes["sequence"].Kind == strictyaml.List && len(c.keys.Sequence) == 0 {
		c.At(c.Where("sequence"), "", "the sequence is empty")
	}
	var before *Wait
	for i, k := range c.keys.Sequence {
		path := strictyaml.Item("sequence", i)
		if n := c.Nodes[path]; n == nil || n.Kind != strictyaml.Section {
			if n == nil || n.Kind == strictyaml.Nothing {
				c.At(c.Where("sequence"), "", "%s is empty", path)
			}
			continue // reported
		}
		after := strictyaml.Join(path, "after")
		if !c.Has(after) {
			c.At(c.Where(path), "for example after: 24h", "a step needs after")
		} else {
			c.waits(after, k.After.Wait)
			before = c.later(after, k.After.Wait, before)
		}
		id := c.stepID(path, k)
		if !c.Has(strictyaml.Join(path, "do")) {
			c.At(c.Where(path), "", "a step needs do")
		}
		cond := c.condition(strictyaml.Join(path, "if"), k.If, c.env)
		do := c.do(strictyaml.Join(path, "do"), id, k.Do, c.env)
		c.rule.Steps = append(c.rule.Steps, Step{Index: i, ID: id, After: k.After.Wait, If: cond, Do: do})
	}
}

// later looks whether a step is due after the one before it, and returns with which the
// next is compared.
func (c *ruleCompiler) later(path string, w Wait, before *Wait) *Wait {
	if w.For < 0 || c.Wrong[path] || before == nil {
		return &w
	}
	always, ever := w.Later(*before)
	switch {
	case !ever || (w.Hours == nil) == (before.Hours == nil) && w.For <= before.For:
		c.At(c.Where(path), "", "%s must be later than %s, that of the step before", path, before)
		return before
	case !always:
		c.doubts.At(c.Where(path), "", "%s: from some days on this is no later than %s, that of the step before", path, before)
	}
	return &w
}

var stepIDs = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,39}$`)

// stepID is by what a step is known, whatever is put before it: its id, or when
// it is due. A step that is put off keeps who waits for it by its old time as id.
func (c *ruleCompiler) stepID(path string, k stepKeys) string {
	id, at := k.ID, strictyaml.Join(path, "id")
	switch {
	case !c.Has(at):
		if id = strictyaml.FormatDuration(k.After.For); k.After.Hours != nil {
			id = "working-" + id
		}
	case id != "" && !stepIDs.MatchString(id):
		c.At(c.Where(at), "small letters, digits, dots and hyphens, at most 40", "%s %q is not one", at, id)
	}
	if c.rule.Step(id) != nil && id != "" {
		c.At(c.Where(path), "", "another step of the sequence is known as %q", id)
	}
	return id
}

func (c *ruleCompiler) collapse() {
	k := c.keys.Collapse
	if c.Nodes["collapse"].Kind != strictyaml.Section {
		return // reported
	}
	for _, t := range c.rule.On {
		if !strings.HasPrefix(string(t), "member.") {
			c.At(c.Where("collapse"), "", "collapse is for member.joined and such, not for %s", t)
			return
		}
	}
	if c.Has("sequence") {
		c.At(c.Where("collapse"), "give the first step a reactor of its own", "collapse is for do, not for a sequence")
		return
	}
	if !c.Has("collapse.window") {
		c.At(c.Where("collapse"), "for example window: 60s", "collapse needs a window")
	} else {
		c.between("collapse.window", k.Window, time.Second, day)
	}
	if !c.Has("collapse.over") {
		k.Over = defaultOver
	} else if k.Over < 1 && c.Nodes["collapse.over"].Kind == strictyaml.Number {
		c.At(c.Where("collapse.over"), "", "collapse.over must be at least 1")
	}
	if !c.Has("collapse.do") {
		c.At(c.Where("collapse"), `for example do: [{send: {text: "Welcome {{ group.mentions }}!"}}]`, "collapse needs do")
	}
	c.collapsed = len(c.labels)
	c.rule.Collapse = &Collapse{Window: k.Window, Over: k.Over, Do: c.do("collapse.do", "collapse", k.Do, c.env.ForGroup())}
}

// do compiles a list of actions.
func (c *ruleCompiler) do(path, step string, items []doNode, env *expr.Env) []Do {
	var done []Do
	if c.Has(path) && c.Nodes[path].Kind == strictyaml.List && len(items) == 0 {
		c.At(c.Where(path), "", "%s is empty", path)
	}
	for i, item := range items {
		at := strictyaml.Item(path, i)
		n := item.node
		if n == nil || n.Kind != strictyaml.Section || len(n.Pairs) != 1 {
			c.notOneAction(at, n)
			continue
		}
		if d := c.action(strictyaml.Join(at, n.Pairs[0].Key), n.Pairs[0], fmt.Sprintf("%s.%d", step, i), env); d != nil {
			done = append(done, *d)
		}
	}
	return done
}

// notOneAction says what there is instead of one action, and which key is too many.
func (c *ruleCompiler) notOneAction(at string, n *strictyaml.Node) {
	example, place, got := `for example send: {text: "Hello"}`, c.Where(at), ""
	if n != nil && n.Kind == strictyaml.Section && len(n.Pairs) > 1 {
		isAction := func(p strictyaml.Pair) bool { return c.actions[p.Key] != nil }
		extra, first := n.Pairs[1], n.Pairs[max(0, slices.IndexFunc(n.Pairs, isAction))]
		if i := slices.IndexFunc(n.Pairs, func(p strictyaml.Pair) bool { return !isAction(p) }); i >= 0 {
			extra = n.Pairs[i]
		}
		place, got = extra.At, fmt.Sprintf(", and here is %q as well", extra.Key)
		switch {
		case extra.Key == "id":
			example = `an id stands among the parameters, as in send: {id: hello, text: "Hello"}`
		case first.Value.Kind == strictyaml.Nothing && !isAction(extra):
			example = "indent it deeper than " + first.Key
		case isAction(extra):
			example = "begin it with a dash of its own"
		default:
			example = "is it a parameter of " + first.Key + ", or a key of the reactor?"
		}
	}
	c.At(place, example, "%s must be one action with its parameters%s", at, got)
}

func (c *ruleCompiler) action(path string, p strictyaml.Pair, label string, env *expr.Env) *Do {
	action, ok := c.actions[p.Key]
	if !ok {
		c.At(p.At, strictyaml.Suggest(p.Key, slices.Sorted(maps.Keys(c.actions))), "there is no action %q", p.Key)
		return nil
	}
	d := &Do{Action: action, Label: label, Params: action.Params()}
	n := p.Value
	if n.Kind == strictyaml.Nothing {
		n = &strictyaml.Node{Kind: strictyaml.Section, At: p.At}
	}
	known := len(c.compiler.List)
	if id := n.Child("id"); id != nil {
		d.Label = c.label(strictyaml.Join(path, "id"), id)
		n = n.Without("id")
	}
	c.labels[d.Label], c.dos[d.Label] = len(c.labels), d
	if of := n.Child("of"); of != nil {
		c.of[strictyaml.Join(path, "of")] = reference{of, c.labels[d.Label], d}
	}
	c.Decode(path, n, d.Params)
	c.Nodes[path] = &strictyaml.Node{Kind: n.Kind, At: p.At}
	d.texts = c.texts(path, d.Params, env)
	if len(c.compiler.List) > known {
		return nil
	}
	for _, wrong := range action.Check(d.Params) {
		at := path
		if wrong.Field != "" {
			at = strictyaml.Join(path, wrong.Field)
		}
		if wrong.Unready {
			c.unready.At(c.Where(at), wrong.Suggestion, "%s: %s; runs of %q fail for now", p.Key, wrong.Message, c.rule.ID)
			continue
		}
		c.At(c.Where(at), wrong.Suggestion, "%s: %s", p.Key, wrong.Message)
	}
	if len(c.compiler.List) == known {
		c.possible(path, d)
	}
	return d
}

func (c *ruleCompiler) label(path string, n *strictyaml.Node) string {
	label := c.Text(path, n)
	switch {
	case label == "":
	case !labels.MatchString(label):
		c.At(n.At, "small letters, digits, hyphens and underscores, a letter first", "%s %q is not one", path, label)
	case c.has(label):
		c.At(n.At, "", "another action has the id %q", label)
	}
	return label
}
