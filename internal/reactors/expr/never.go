package expr

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"

	"github.com/spacekeeper/spacekeeper/internal/reactors/never"
	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
)

// What a field can be and which triggers bring it stands in the tags of
// reactors.Facts.

// Literal is a text of an expression, and where it stands.
type Literal struct {
	Text   string
	Offset int // in bytes
}

// bringers are the triggers that bring a field, by its tags.
type bringers struct{ of, not []string }

func bringersOf(sf reflect.StructField) bringers {
	return bringers{listOf(sf, "of"), listOf(sf, "not")}
}

// listOf are the words of a tag; nil if it isn't there.
func listOf(sf reflect.StructField, tag string) []string {
	if text, ok := sf.Tag.Lookup(tag); ok {
		return strings.Fields(text)
	}
	return nil
}

// brought reports whether events of a trigger tell a field of a variable that they
// fill: its tag of names the only triggers that do, its tag not those that don't,
// each by a name or a beginning such as "reaction.".
func (f bringers) brought(trigger string) bool {
	named := func(list []string) bool {
		return slices.ContainsFunc(list, func(s string) bool {
			return trigger == s || strings.HasSuffix(s, ".") && strings.HasPrefix(trigger, s)
		})
	}
	return (f.of == nil || named(f.of)) && !named(f.not)
}

// checkField says whether all triggers bring a field.
func (e *Env) checkField(src string, a *celast.AST, x celast.Expr) error {
	path := tree.Path(x)
	if path == nil {
		return nil
	}
	f := e.schema.find(path)
	if f == nil {
		return nil
	}
	for _, t := range e.triggers {
		if !f.brought(string(t)) {
			return &Error{
				Offset:     offsetOf(src, a, tree.Root(x).ID()),
				Message:    fmt.Sprintf("%s is not known for %s", strings.Join(path, "."), t),
				Suggestion: e.whatElse(path[:len(path)-1]),
			}
		}
	}
	return nil
}

// whatElse lists the fields that all triggers bring.
func (e *Env) whatElse(path []string) string {
	parent := e.schema.find(path)
	var known []string
	for _, name := range parent.sub.order {
		if !slices.ContainsFunc(e.words(), func(t string) bool { return !parent.sub.fields[name].brought(t) }) {
			known = append(known, name)
		}
	}
	return "known are " + strings.Join(known, ", ")
}

// words are the triggers that rules may wait for here, as texts.
func (e *Env) words() (list []string) {
	for _, t := range e.triggers {
		list = append(list, string(t))
	}
	return list
}

// checkValues looks at what can't be as it is meant.
func (c *compiled) checkValues(src string, x celast.Expr) error {
	found := never.Checker{Triggers: c.env.words(), Words: func(path string) []string {
		if f := c.env.schema.find(strings.Split(path, ".")); f != nil {
			return f.words
		}
		return nil
	}}.Check(x)
	explained := func(f never.Finding) *Error { return &Error{offsetOf(src, c.ast, f.ID), f.Message, f.Suggestion} }
	for _, f := range found.Doubts {
		c.doubts = append(c.doubts, explained(f))
	}
	for _, n := range found.SpaceNames {
		c.spaceNames = append(c.spaceNames, Literal{n.Text, offsetOf(src, c.ast, n.ID)})
	}
	var all []error
	for _, f := range found.Never {
		all = append(all, explained(f))
	}
	return errors.Join(all...)
}
