package expr

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Functions of facts.
const (
	answered     = "answered"      // message.answered(), message.answered(["✅"])
	messagesLast = "messages_last" // space.messages_last("10m")
)

// functionNeeds is the state that they read.
var functionNeeds = map[string]reactors.Needs{
	answered:     reactors.NeedThread | reactors.NeedReactions,
	messagesLast: reactors.NeedRecent,
}

// functions declares them.
func (s *schema) functions() []cel.EnvOption {
	of := func(t reflect.Type) *cel.Type { return s.goTypes[t].cel }
	message, space := of(reflect.TypeFor[reactors.MessageFacts]()), of(reflect.TypeFor[reactors.SpaceFacts]())
	return []cel.EnvOption{
		cel.Function(answered,
			cel.MemberOverload("message_answered", []*cel.Type{message}, cel.BoolType,
				cel.UnaryBinding(func(m ref.Val) ref.Val { return isAnswered(m, types.NewStringList(types.DefaultTypeAdapter, nil)) })),
			cel.MemberOverload("message_answered_or", []*cel.Type{message, cel.ListType(cel.StringType)}, cel.BoolType,
				cel.BinaryBinding(isAnswered))),
		cel.Function(messagesLast, cel.MemberOverload("space_messages_last", []*cel.Type{space, cel.StringType}, cel.IntType,
			cel.BinaryBinding(recentMessages))),
	}
}

func isAnswered(message, emoji ref.Val) ref.Val {
	m, ok := message.Value().(*reactors.MessageFacts)
	list, isList := emoji.(traits.Lister)
	if !ok || !isList {
		return types.NewErr("not a message and emoji")
	}
	var chosen []string
	for it := list.Iterator(); it.HasNext() == types.True; {
		e, _ := it.Next().(types.String)
		chosen = append(chosen, string(e))
	}
	return types.Bool(m.Answered(chosen))
}

func recentMessages(space, window ref.Val) ref.Val {
	s, ok := space.Value().(*reactors.SpaceFacts)
	text, isText := window.(types.String)
	if !ok || !isText {
		return types.NewErr("not a space and a time")
	}
	within, err := strictyaml.ParseDuration(string(text))
	if err != nil {
		return types.NewErr("not a time")
	}
	n := 0
	for _, ago := range s.Recent {
		if ago < within {
			n++
		}
	}
	return types.Int(n)
}

// stateOf returns the state that a call of a function of facts reads, and what else
// is to be looked at; 0 of all other expressions.
func stateOf(x celast.Expr) (needs reactors.Needs, rest []celast.Expr) {
	if x.Kind() != celast.CallKind || !x.AsCall().IsMemberFunction() {
		return 0, nil
	}
	call := x.AsCall()
	rest = call.Args()
	if tree.Path(call.Target()) == nil {
		rest = append([]celast.Expr{call.Target()}, rest...)
	}
	return functionNeeds[call.FunctionName()], rest
}

// checkWindow says what is wrong with the time of messages_last.
func checkWindow(src string, a *celast.AST, call celast.CallExpr) error {
	if call.FunctionName() != messagesLast || len(call.Args()) != 1 {
		return nil
	}
	const example = `for example space.messages_last("10m")`
	arg := call.Args()[0]
	text, ok := tree.Literal[types.String](arg)
	if !ok {
		return &Error{offsetOf(src, a, arg.ID()), messagesLast + " needs a time that is written out", example}
	}
	switch d, err := strictyaml.ParseDuration(string(text)); {
	case err != nil || d <= 0:
		return &Error{offsetOf(src, a, arg.ID()), fmt.Sprintf("%q is not a time", string(text)), example}
	case d > 24*time.Hour:
		return &Error{offsetOf(src, a, arg.ID()), messagesLast + " looks back a day at most", example}
	}
	return nil
}
