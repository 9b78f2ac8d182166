package rules

import (
	"errors"
	"reflect"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/reactors/params"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// texts compiles what has placeholders in an action's parameters, which were
// read from the node at base.
func (c *ruleCompiler) texts(base string, with any, env *expr.Env) map[string]*expr.Template {
	found := map[string]*expr.Template{}
	below := func(path string) string { return strings.TrimPrefix(path, base+".") }
	params.EachText(base, reflect.ValueOf(with).Elem(), func(path string, t any) {
		n := c.Nodes[path]
		if n == nil || n.Kind == strictyaml.Nothing {
			return
		}
		switch t.(type) {
		case *reactors.ChatText:
			c.template(path, n, env.Chat, func(t *expr.Template) { found[below(path)] = t })
		case *reactors.PlainText:
			c.template(path, n, env.Plain, func(t *expr.Template) { found[below(path)] = t })
		case *reactors.Card:
			c.card(path, "", n, env, func(at string, t *expr.Template) { found[below(at)] = t })
		}
	})
	return found
}

func (c *ruleCompiler) template(path string, n *strictyaml.Node, compile func(string) (*expr.Template, error), keep func(*expr.Template)) {
	if n.Kind != strictyaml.Text {
		return // reported
	}
	t, err := compile(n.Text)
	if err != nil {
		c.explain(path, n, err)
		return
	}
	c.doubt(path, n, t.Doubts())
	keep(t)
}

// card compiles the texts of a card. What follows a link is taken by machines:
// it is not for placeholders, which people's names could bend, but for links of
// our own.
func (c *ruleCompiler) card(path, key string, n *strictyaml.Node, env *expr.Env, keep func(string, *expr.Template)) {
	switch n.Kind {
	case strictyaml.Section:
		for _, p := range n.Pairs {
			c.card(strictyaml.Join(path, p.Key), p.Key, p.Value, env, keep)
		}
	case strictyaml.List:
		for i, item := range n.Items {
			c.card(strictyaml.Item(path, i), key, item, env, keep)
		}
	case strictyaml.Text:
		switch isLink := strings.HasSuffix(strings.ToLower(key), "url"); {
		case isLink && strings.Contains(n.Text, "{{"):
			c.template(path, n, env.CardLink, func(t *expr.Template) { keep(path, t) })
		case !isLink && strings.Contains(n.Text, "{"):
			c.template(path, n, env.CardText, func(t *expr.Template) { keep(path, t) })
		}
	}
}

// explain reports what is wrong with a condition or a text, below the place.
func (c *ruleCompiler) explain(path string, n *strictyaml.Node, err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok { // as errors.Join returns it
		for _, one := range several.Unwrap() {
			c.explain(path, n, one)
		}
		return
	}
	var e *expr.Error
	if !errors.As(err, &e) {
		c.At(n.At, "", "%s: %v", path, err)
		return
	}
	c.At(n.Inside(e.Offset), e.Suggestion, "%s: %s", path, e.Message)
}
