package expr

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
)

// Condition is an expression that is true or false.
type Condition struct {
	source string
	of     *compiled
	needs  reactors.Needs
	terms  []term     // all must be true
	early  *Condition // see AtEvent

	needles []string // see Needles
}

// term is a part of a condition, evaluated by the first of these that there is.
type term struct {
	test    test
	program cel.Program
	untold  reactors.Needs // at the event: it says nothing as long as this state isn't looked up
}

// decided reports whether the facts are there to ask it.
func (t *term) decided(f *reactors.Facts) bool { return t.untold == 0 || f.Untold()&t.untold == 0 }

// Condition compiles a condition. Its error is an *Error.
func (e *Env) Condition(src string) (*Condition, error) {
	of, err := e.compile(src)
	if err != nil {
		return nil, err
	}
	if of.result.Kind() != types.BoolKind {
		wrong := &Error{Message: "a condition is true or false, and this is " + wording.Type(of.result.String())}
		if of.result.Kind() == types.StringKind {
			wrong.Suggestion = `compare it, as in x == "y"`
		}
		return nil, wrong
	}
	c := &Condition{source: src, of: of, needs: of.reads.needs | of.reads.untold}
	early := &Condition{source: src, of: of}
	for _, x := range terms(of.ast.Expr()) {
		t, err := of.term(x)
		if err != nil {
			return nil, err
		}
		c.terms = append(c.terms, t)
		if r := e.readsOf(x); r.needs == 0 && !r.now && !r.group {
			t.untold = r.untold
			early.terms = append(early.terms, t)
			if early.needles == nil {
				early.needles = needlesOf(x)
			}
		}
	}
	c.cheapFirst()
	early.cheapFirst()
	mayWait := slices.ContainsFunc(early.terms, func(t term) bool { return t.untold != 0 })
	switch {
	case len(early.terms) == 0:
	case len(early.terms) == len(c.terms) && !mayWait:
		c.early, c.needles = c, early.needles
	default:
		c.early, early.early = early, early
	}
	return c, nil
}

// cheapFirst lets tests come first: A && B is B && A.
func (c *Condition) cheapFirst() {
	slices.SortStableFunc(c.terms, func(a, b term) int {
		switch {
		case (a.test == nil) == (b.test == nil):
			return 0
		case a.test != nil:
			return -1
		}
		return 1
	})
}

// term compiles a part of the expression.
func (c *compiled) term(x celast.Expr) (t term, err error) {
	if !c.metered {
		if t.test = c.env.testOf(x); t.test != nil {
			return t, nil
		}
	}
	t.program, err = c.plan(celast.NewCheckedAST(celast.NewAST(x, c.ast.SourceInfo()), c.ast.TypeMap(), c.ast.ReferenceMap()))
	return t, err
}

// Eval says whether the condition holds. An error is permanent for these
// facts, unless ctx is done; it quotes no values.
func (c *Condition) Eval(ctx context.Context, f *reactors.Facts, now time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("evaluate a condition: %w", err)
	}
	var failed error
	for i := range c.terms {
		t := &c.terms[i]
		if !t.decided(f) {
			continue
		}
		if t.test != nil {
			if !t.test(f) {
				return false, nil
			}
			continue
		}
		v, err := c.of.eval(ctx, t.program, f, now)
		switch {
		case err != nil: // a later term may be false, and false && error is false
			if failed == nil {
				failed = err
			}
		case v != types.True:
			return false, nil
		}
	}
	if failed != nil {
		return false, fmt.Errorf("evaluate a condition: %w", failed)
	}
	return true, nil
}

// Needs returns the state that the condition reads.
func (c *Condition) Needs() reactors.Needs { return c.needs }

// AtEvent returns the part of the condition that the event itself tells: its
// terms (A && B && …) that read no state, not now and not group; those that read
// what the event of these facts leaves out say nothing. If that part
// is false, so is the condition, whatever the state. It is nil if there is no
// such term, and the condition itself if there is no other.
func (c *Condition) AtEvent() *Condition { return c.early }

// Needles lists texts of which message.text holds one, but for the case of ASCII
// letters, wherever the condition is true. It is nil if nothing is known.
func (c *Condition) Needles() []string { return c.needles }

// Test returns a function that says no to facts of which the condition is
// false, and yes to others where it can't tell; nil if it never can.
func (c *Condition) Test() func(*reactors.Facts) bool {
	var all []test
	for _, t := range c.terms {
		if t.test != nil {
			all = append(all, func(f *reactors.Facts) bool { return !t.decided(f) || t.test(f) })
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return every(all)
}

// Doubts are what is allowed in the condition and can hardly be meant.
func (c *Condition) Doubts() []*Error { return c.of.doubts }

// SpaceNames are the texts that names of spaces are compared with.
func (c *Condition) SpaceNames() []Literal { return c.of.spaceNames }

// Source returns the condition as it was written; of what AtEvent returns, the
// whole condition.
func (c *Condition) Source() string { return c.source }
