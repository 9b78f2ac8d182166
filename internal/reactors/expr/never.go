package expr

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
)

// What compiles and can never be as it is meant: a word that a field never is, a
// field that a trigger never brings, a time zone that there isn't. What a field can
// be and what brings it stands in the tags of reactors.Facts.

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
	path := pathOf(x)
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
				Offset:     offsetOf(src, a, rootOf(x).ID()),
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

func rootOf(x celast.Expr) celast.Expr {
	for x.Kind() == celast.SelectKind {
		x = x.AsSelect().Operand()
	}
	return x
}

// checkValues looks at what fields are compared with, and at time zones.
func (c *compiled) checkValues(src string, x celast.Expr) error {
	if x.Kind() == celast.CallKind {
		call := x.AsCall()
		args := call.Args()
		switch function := call.FunctionName(); function {
		case operators.Index:
			if err := c.checkKey(src, args[0], args[1]); err != nil {
				return err
			}
		case operators.Equals, operators.NotEquals, operators.In:
			for i := range args {
				if err := c.checkCompared(src, args[i], args[1-i]); err != nil {
					return err
				}
			}
		default:
			if strings.HasPrefix(function, "get") && call.IsMemberFunction() && len(args) == 1 {
				if err := c.checkZone(src, args[0]); err != nil {
					return err
				}
			}
		}
	}
	for _, child := range children(x) {
		if err := c.checkValues(src, child); err != nil {
			return err
		}
	}
	return nil
}

var fixedOffset = regexp.MustCompile(`^[+-]?\d\d:\d\d$`)

func (c *compiled) checkZone(src string, x celast.Expr) error {
	for _, l := range c.literals(src, x) {
		if _, err := time.LoadLocation(l.Text); (err != nil || l.Text == "Local" || l.Text == "") && !fixedOffset.MatchString(l.Text) {
			return &Error{
				Offset: l.Offset, Message: fmt.Sprintf("%q is not a time zone", l.Text),
				Suggestion: "write it as Area/City, such as Europe/Berlin, or UTC",
			}
		}
	}
	return nil
}

// literals are the texts that an expression is, or is a list of.
func (c *compiled) literals(src string, x celast.Expr) []Literal {
	items := []celast.Expr{x}
	if x.Kind() == celast.ListKind {
		items = x.AsList().Elements()
	}
	var list []Literal
	for _, item := range items {
		if item.Kind() == celast.LiteralKind {
			if s, ok := item.AsLiteral().(types.String); ok {
				list = append(list, Literal{string(s), offsetOf(src, c.ast, item.ID())})
			}
		}
	}
	return list
}

// checkCompared looks at the texts that a field is compared with.
func (c *compiled) checkCompared(src string, x, with celast.Expr) error {
	path := pathOf(x)
	if path == nil {
		return nil
	}
	f := c.env.schema.find(path)
	if f == nil {
		return nil
	}
	name := strings.Join(path, ".")
	for _, l := range c.literals(src, with) {
		never := &Error{Offset: l.Offset, Message: fmt.Sprintf("%s is never %q", name, l.Text)}
		words := f.words
		if name == "trigger" && c.env.triggers != nil {
			words = c.env.words()
			never.Message += " in this rule"
		}
		switch {
		case name == "space.display_name":
			c.spaceNames = append(c.spaceNames, l)
		case name == "reaction.emoji":
			if err := c.checkEmoji(l, never); err != nil {
				return err
			}
		case words != nil && !slices.Contains(words, l.Text) && l.Text != "":
			never.Suggestion = wording.Word(l.Text, words)
			return never
		}
	}
	return nil
}

// checkKey looks at the emoji by which reactions are counted.
func (c *compiled) checkKey(src string, x, key celast.Expr) error {
	if path := pathOf(x); strings.Join(path, ".") != "message.reactions" {
		return nil
	}
	for _, l := range c.literals(src, key) {
		never := &Error{Offset: l.Offset, Message: fmt.Sprintf("message.reactions has never any %q", l.Text)}
		if err := c.checkEmoji(l, never); err != nil {
			return err
		}
	}
	return nil
}

// customEmoji is what emoji of an organization are called.
var customEmoji = regexp.MustCompile(`^:[a-z0-9_-]+:$`)

// checkEmoji finds the names of emoji in other programs.
func (c *compiled) checkEmoji(l Literal, never *Error) error {
	known := wording.Emoji(l.Text)
	if known != "" {
		never.Suggestion = "did you mean " + known + "?"
	}
	ascii := !strings.ContainsFunc(l.Text, func(r rune) bool { return r > '~' })
	switch {
	case l.Text == "":
	case ascii && !customEmoji.MatchString(l.Text):
		return never
	case ascii && known != "":
		never.Message = fmt.Sprintf("%s is an emoji of your own organization, if there is one of that name", l.Text)
		c.doubts = append(c.doubts, never)
	}
	return nil
}
