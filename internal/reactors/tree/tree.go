// Package tree reads expressions as CEL has parsed them: what is in them, and what
// they name.
//
// Its functions are pure. Of what isn't asked for, such as the path of a call, the
// answer is none.
package tree

import (
	"strings"

	celast "cel.dev/cel-go/common/ast"
)

// Path returns the names of an expression such as space.week.joins; nil for
// all others.
func Path(x celast.Expr) []string {
	switch x.Kind() {
	case celast.IdentKind:
		return []string{x.AsIdent()} // checked: without the dot of .space
	case celast.SelectKind:
		if path := Path(x.AsSelect().Operand()); path != nil {
			return append(path, x.AsSelect().FieldName())
		}
	}
	return nil
}

// Name is a path such as message.text; "" of all other expressions.
func Name(x celast.Expr) string {
	if x.Kind() == celast.SelectKind && x.AsSelect().IsTestOnly() {
		return "" // has(…)
	}
	return strings.Join(Path(x), ".")
}

// Literal returns the value of an expression that is written out, if it is of a type.
func Literal[T any](x celast.Expr) (v T, ok bool) {
	if x.Kind() == celast.LiteralKind {
		v, ok = x.AsLiteral().(T)
	}
	return v, ok
}

// Root is what an expression selects from.
func Root(x celast.Expr) celast.Expr {
	for x.Kind() == celast.SelectKind {
		x = x.AsSelect().Operand()
	}
	return x
}

// Call returns the function that an expression calls and what it is called with, its
// target first; "" of all other expressions.
func Call(x celast.Expr) (function string, args []celast.Expr) {
	if x.Kind() != celast.CallKind {
		return "", nil
	}
	call := x.AsCall()
	if call.IsMemberFunction() {
		return call.FunctionName(), append([]celast.Expr{call.Target()}, call.Args()...)
	}
	return call.FunctionName(), call.Args()
}

// Children lists the expressions directly in another.
func Children(x celast.Expr) []celast.Expr {
	switch x.Kind() {
	case celast.CallKind:
		call := x.AsCall()
		if call.IsMemberFunction() {
			return append([]celast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case celast.ComprehensionKind:
		c := x.AsComprehension()
		return []celast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	case celast.ListKind:
		return x.AsList().Elements()
	case celast.MapKind:
		var list []celast.Expr
		for _, entry := range x.AsMap().Entries() {
			list = append(list, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return list
	case celast.SelectKind:
		return []celast.Expr{x.AsSelect().Operand()}
	case celast.StructKind:
		var list []celast.Expr
		for _, entry := range x.AsStruct().Fields() {
			list = append(list, entry.AsStructField().Value())
		}
		return list
	}
	return nil
}
