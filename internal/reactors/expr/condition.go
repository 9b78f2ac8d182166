package expr

import (
	"context"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Condition is an expression that is true or false.
type Condition struct {
	source string
	of     *compiled
	needs  reactors.Needs
	terms  []cel.Program // all must be true
	early  *Condition    // see AtEvent
}

// Condition compiles a condition. Its error is an *Error.
func (e *Env) Condition(src string) (*Condition, error) {
	of, err := e.compile(src)
	if err != nil {
		return nil, err
	}
	if of.result.Kind() != types.BoolKind {
		wrong := &Error{Message: "a condition is true or false, and this is " + named(of.result.String())}
		if of.result.Kind() == types.StringKind {
			wrong.Suggestion = `compare it, as in x == "y"`
		}
		return nil, wrong
	}
	c := &Condition{source: src, of: of, needs: of.reads.needs, terms: []cel.Program{of.program}}
	if c.early, err = c.atEvent(); err != nil {
		return nil, err
	}
	return c, nil
}

// atEvent compiles what AtEvent returns.
func (c *Condition) atEvent() (*Condition, error) {
	a := c.of.ast
	all := terms(a.Expr())
	var known []celast.Expr
	for _, x := range all {
		if r := c.of.env.readsOf(x); r.needs == 0 && !r.now && !r.group {
			known = append(known, x)
		}
	}
	switch len(known) {
	case 0:
		return nil, nil
	case len(all):
		return c, nil
	}
	early := &Condition{source: c.source, of: c.of}
	early.early = early
	for _, x := range known {
		part := celast.NewCheckedAST(celast.NewAST(x, a.SourceInfo()), a.TypeMap(), a.ReferenceMap())
		p, err := c.of.plan(part)
		if err != nil {
			return nil, err
		}
		early.terms = append(early.terms, p)
	}
	return early, nil
}

// Eval says whether the condition holds. An error is permanent for these
// facts, unless ctx is done; it quotes no values.
func (c *Condition) Eval(ctx context.Context, f *reactors.Facts, now time.Time) (bool, error) {
	var failed error
	for _, p := range c.terms {
		v, err := c.of.eval(ctx, p, f, now)
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
// terms (A && B && …) that read no state, not now and not group. If that part
// is false, so is the condition, whatever the state. It is nil if there is no
// such term, and the condition itself if there is no other.
func (c *Condition) AtEvent() *Condition { return c.early }

// Source returns the condition as it was written; of what AtEvent returns, the
// whole condition.
func (c *Condition) Source() string { return c.source }
