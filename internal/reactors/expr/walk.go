package expr

import (
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
)

// reads is what an expression looks at.
type reads struct {
	needs  reactors.Needs
	untold reactors.Needs // state, where the event doesn't tell
	now    bool
	group  bool
	loops  bool
}

// readsOf walks an expression. A field counts with what is in it: a struct
// that is used as a whole needs all that any of its fields does.
func (e *Env) readsOf(x celast.Expr) reads {
	var r reads
	e.collect(x, &r)
	return r
}

func (e *Env) collect(x celast.Expr, r *reads) {
	if needs, args := stateOf(x); needs != 0 {
		r.needs |= needs
		for _, arg := range args {
			e.collect(arg, r)
		}
		return
	}
	if path := tree.Path(x); path != nil {
		switch path[0] {
		case nowVariable:
			r.now = true
		case groupVariable:
			r.group = true
		}
		if f := e.schema.find(path); f != nil {
			r.needs |= f.needs
			r.untold |= f.untold
			return
		}
		// A variable of a loop: what it stands for is counted at the list.
	}
	if x.Kind() == celast.ComprehensionKind {
		r.loops = true
	}
	for _, child := range tree.Children(x) {
		e.collect(child, r)
	}
}

// nestedLoop finds a macro over a list that runs for each item of another.
func nestedLoop(x celast.Expr, inside bool) (id int64, found bool) {
	if x.Kind() == celast.ComprehensionKind {
		if inside {
			return x.ID(), true
		}
		c := x.AsComprehension()
		for _, once := range []celast.Expr{c.IterRange(), c.AccuInit(), c.Result()} {
			if id, found = nestedLoop(once, false); found {
				return id, true
			}
		}
		for _, repeated := range []celast.Expr{c.LoopCondition(), c.LoopStep()} {
			if id, found = nestedLoop(repeated, true); found {
				return id, true
			}
		}
		return 0, false
	}
	for _, child := range tree.Children(x) {
		if id, found = nestedLoop(child, inside); found {
			return id, true
		}
	}
	return 0, false
}

// terms splits a conjunction: a && b && c.
func terms(x celast.Expr) []celast.Expr {
	if x.Kind() != celast.CallKind || x.AsCall().FunctionName() != operators.LogicalAnd {
		return []celast.Expr{x}
	}
	var list []celast.Expr
	for _, arg := range x.AsCall().Args() {
		list = append(list, terms(arg)...)
	}
	return list
}

// checkNames finds names that are known neither here nor as local ones, and
// loops that hide one that is.
func (e *Env) checkNames(src string, a *celast.AST, x celast.Expr, local []string) error {
	switch x.Kind() {
	case celast.IdentKind:
		return e.checkName(src, a, x, local)
	case celast.SelectKind:
		if err := e.checkNames(src, a, x.AsSelect().Operand(), local); err != nil || slices.Contains(local, rootName(x)) {
			return err
		}
		return e.checkField(src, a, x)
	case celast.StructKind: // would also be a way to make a mention
		return &Error{
			Offset:  offsetOf(src, a, x.ID()),
			Message: x.AsStruct().TypeName() + "{ } is not possible here",
		}
	case celast.CallKind:
		if name := x.AsCall().FunctionName(); name == "dyn" {
			return &Error{
				Offset:  offsetOf(src, a, x.ID()),
				Message: "dyn is not possible here: types are checked when a rule is loaded",
			}
		} else if args := x.AsCall().Args(); name == "matches" && len(args) > 0 && holdsBackspace(args[len(args)-1]) {
			return &Error{
				Offset:     offsetOf(src, a, args[len(args)-1].ID()),
				Message:    `\b is a backspace in "…", not the edge of a word`,
				Suggestion: `write r"…", in which \ stays as it is`,
			}
		} else if err := checkWindow(src, a, x.AsCall()); err != nil {
			return err
		}
	case celast.ComprehensionKind:
		c := x.AsComprehension()
		if err := e.checkNames(src, a, c.IterRange(), local); err != nil {
			return err
		}
		for _, name := range []string{c.IterVar(), c.IterVar2()} {
			if e.isVariable(name) {
				return &Error{
					Offset:     offsetOf(src, a, x.ID()),
					Message:    name + " is a variable already",
					Suggestion: "call the item otherwise",
				}
			}
		}
		local = append(local[:len(local):len(local)], c.IterVar(), c.IterVar2(), c.AccuVar())
		for _, in := range []celast.Expr{c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			if err := e.checkNames(src, a, in, local); err != nil {
				return err
			}
		}
		return nil
	}
	in := tree.Children(x)
	if x.Kind() == celast.CallKind && e.qualified(x.AsCall()) {
		in = x.AsCall().Args()
	}
	for _, child := range in {
		if err := e.checkNames(src, a, child, local); err != nil {
			return err
		}
	}
	return nil
}

// rootName is the variable that an expression selects from; "" for none.
func rootName(x celast.Expr) string {
	if root := tree.Root(x); root.Kind() == celast.IdentKind {
		return root.AsIdent()
	}
	return ""
}

// holdsBackspace finds regular expressions that can match nothing that people
// write: their \b was taken for a character.
func holdsBackspace(x celast.Expr) bool {
	if x.Kind() != celast.LiteralKind {
		return false
	}
	s, ok := x.AsLiteral().(types.String)
	return ok && strings.Contains(string(s), "\b")
}

// qualified reports whether what looks like the target of a call is part of
// the function's name, as in strings.quote(x).
func (e *Env) qualified(call celast.CallExpr) bool {
	return call.IsMemberFunction() && call.Target().Kind() == celast.IdentKind &&
		e.cel.HasFunction(call.Target().AsIdent()+"."+call.FunctionName())
}

func (e *Env) isVariable(name string) bool {
	return name == nowVariable || e.schema.roots[name] != nil
}
