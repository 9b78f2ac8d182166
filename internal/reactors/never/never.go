// Package never finds in expressions what compiles and can't be as it is meant: a
// word that a field never is, a name where Chat has an id, an hour after 23, a
// time zone that there isn't.
//
// What it calls never can't come about, whatever happens. What it calls a doubt can,
// and is hardly meant. It is pure; the caller brings an expression whose types have
// been checked, and says where in the source it is.
package never

import (
	"fmt"
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
)

// Checker knows what can be.
type Checker struct {
	Words    func(path string) []string // all that a field can be, besides ""; nil: anything, or it is no field
	Triggers []string                   // that the rule waits for; nil: any
}

// Finding is what can't be, and the id of the expression that says it.
type Finding struct {
	ID                  int64
	Message, Suggestion string
}

// Name is a text that names of spaces are compared with.
type Name struct {
	ID   int64
	Text string
}

// Found is what was found, in the order of the expression.
type Found struct {
	Never, Doubts []Finding
	SpaceNames    []Name
}

// Check looks at an expression and all that is in it.
func (c Checker) Check(x celast.Expr) Found {
	s := &search{Checker: c}
	s.look(x)
	return s.Found
}

type search struct {
	Checker
	Found
}

func (s *search) never(id int64, suggestion, format string, args ...any) {
	s.Never = append(s.Never, Finding{id, fmt.Sprintf(format, args...), suggestion})
}

func (s *search) doubt(id int64, suggestion, format string, args ...any) {
	s.Doubts = append(s.Doubts, Finding{id, fmt.Sprintf(format, args...), suggestion})
}

func (s *search) look(x celast.Expr) {
	switch function, args := tree.Call(x); function {
	case operators.Equals, operators.NotEquals:
		for i := range args {
			s.compared(function, args[i], args[1-i])
			s.counted(function, args[i], args[1-i])
		}
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		s.counted(function, args[0], args[1])
		s.counted(mirrored[function], args[1], args[0])
	case operators.In:
		s.compared(function, args[0], args[1])
		s.counted(function, args[0], args[1])
		s.key(args[1], args[0])
	case operators.Index:
		s.key(args[0], args[1])
	case "contains", "startsWith", "endsWith", "hasWord", "matches":
		if len(args) == 2 {
			s.compared(function, args[0], args[1])
		}
	case "answered":
		s.answered(args)
	default:
		if strings.HasPrefix(function, "get") && len(args) > 0 {
			s.zone(x, function, args)
		}
	}
	for _, child := range tree.Children(x) {
		s.look(child)
	}
}

// literal is a text that is written out.
type literal struct {
	id   int64
	text string
}

// literals are the texts that an expression is: the only one, those of a list, or
// either of a choice.
func literals(x celast.Expr) (list []literal) {
	switch function, args := tree.Call(x); {
	case x.Kind() == celast.ListKind:
		for _, item := range x.AsList().Elements() {
			list = append(list, literals(item)...)
		}
	case function == operators.Conditional:
		list = append(literals(args[1]), literals(args[2])...)
	default:
		if text, ok := tree.Literal[types.String](x); ok {
			list = append(list, literal{x.ID(), string(text)})
		}
	}
	return list
}

// compared looks at the texts that a field is compared with. Of a choice, one may be
// meant to be none that there is.
func (s *search) compared(function string, x, with celast.Expr) {
	all := literals(with)
	before := len(s.Never)
	for _, l := range all {
		s.one(function, x, l)
	}
	if choice, _ := tree.Call(with); choice == operators.Conditional && len(s.Never)-before < len(all) {
		s.Doubts = append(s.Doubts, s.Never[before:]...)
		s.Never = s.Never[:before]
	}
}

func (s *search) one(function string, x celast.Expr, l literal) {
	field, through := within(x)
	if function == "matches" {
		s.edges(l)
	} else if len(through) > 0 && function != "hasWord" && s.changed(through[len(through)-1], l) {
		return
	}
	name := tree.Name(field)
	equal := function == operators.Equals || function == operators.NotEquals || function == operators.In
	switch words := s.words(name); {
	case words != nil:
		s.word(function, name, through, words, l)
	case equal && len(through) == 0 && name == "space.display_name":
		s.SpaceNames = append(s.SpaceNames, Name{l.id, l.text})
	case equal && (name == "reaction.emoji" || name == "space.week.top_emoji"):
		s.emoji(l, name+" is never %q")
	case len(through) == 0:
		s.named(function, name, l)
	}
}

// words are all that a field can be in this rule, besides "".
func (s *search) words(name string) []string {
	if name == "trigger" && s.Triggers != nil {
		return s.Triggers
	}
	return s.Words(name)
}

// word looks whether a field is ever as it is asked for.
func (s *search) word(function, name string, through, words []string, l literal) {
	var shown []string
	for _, w := range words {
		for _, f := range through {
			w = apply(f, w)
		}
		shown = append(shown, w)
	}
	holds, known := tests[function]
	if !known || l.text == "" || slices.ContainsFunc(shown, func(w string) bool { return holds(w, l.text) }) {
		return
	}
	in := ""
	if name == "trigger" && s.Triggers != nil {
		in = " in this rule"
	}
	s.never(l.id, wording.Word(l.text, shown), "%s %s %q%s", name, verbs[function], l.text, in)
}

// beginnings are of fields in which Chat has an id, and not what people say.
var beginnings = map[string]struct {
	with       []string
	suggestion string
}{
	"space.name":        {[]string{"spaces/"}, "it is like spaces/AAQAtX4kZ1c; what a space is called is its display_name"},
	"member.name":       {[]string{"users/"}, "it is like users/123456789; what people are called is member.display_name, and nobody is told by an e-mail address"},
	"message.author":    {[]string{"users/"}, "it is like users/123456789"},
	"message.name":      {[]string{"spaces/"}, "it is like spaces/S/messages/M"},
	"message.thread":    {[]string{"spaces/"}, "it is like spaces/S/threads/T"},
	"google_group.name": {[]string{"groups/"}, "it is like groups/123456789"},
	"subscription.name": {[]string{"subscriptions/"}, "it is like subscriptions/chat-spaces-123"},
	"event.type": {
		[]string{events.ChatPrefix, events.LifecyclePrefix, "interaction.", string(reactors.Schedule)},
		"it is the name that Google has for it; compare trigger",
	},
}

// named looks whether an id is compared with what people call the same thing.
func (s *search) named(function, name string, l literal) {
	form, known := beginnings[name]
	if !known || l.text == "" {
		return
	}
	for _, begin := range form.with {
		if strings.HasPrefix(l.text, begin) || function == "startsWith" && strings.HasPrefix(begin, l.text) {
			return
		}
	}
	switch function {
	case operators.Equals, operators.NotEquals, operators.In, "startsWith":
		s.never(l.id, form.suggestion, "%s %s %q", name, verbs[function], l.text)
	}
}

// key looks at a place in a list, and at the emoji by which reactions are counted.
func (s *search) key(x, key celast.Expr) {
	switch tree.Name(x) {
	case "message.reactions":
		for _, l := range literals(key) {
			s.emoji(l, "message.reactions has never any %q")
		}
	case "space.week.top_messages":
		if n, ok := tree.Literal[types.Int](key); ok && (n < 0 || n > 4) {
			s.never(key.ID(), "they are 0 to 4", "space.week.top_messages has never a place %d", n)
		}
	}
}

// answered looks at the emoji that count as an answer.
func (s *search) answered(args []celast.Expr) {
	if len(args) == 2 {
		for _, l := range literals(args[1]) {
			s.emoji(l, "nobody reacts with %q")
		}
	}
}
