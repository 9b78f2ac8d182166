package expr

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Limits of an expression.
const (
	maxSource  = 2000 // bytes
	maxDepth   = 60   // of parentheses, operators and calls in each other
	maxRegexp  = 500  // instructions of the compiled pattern
	checkEvery = 100  // steps of a list's macro between looks at the clock

	// maxTime is far beyond what maxCost takes on the slowest machine: a verdict
	// must not depend on how busy the machine is.
	maxTime = 10 * time.Second
)

// compiled is an expression that can be evaluated.
type compiled struct {
	env    *Env
	ast    *celast.AST
	result *types.Type
	reads  reads
	prices prices

	doubts     []*Error  // what is allowed and can hardly be meant
	spaceNames []Literal // what names of spaces are compared with

	metered bool // its cost isn't known to be small: it is high, or depends on the length of a list
}

// compile checks everything about an expression but its type.
func (e *Env) compile(src string) (*compiled, error) {
	switch {
	case strings.TrimSpace(src) == "":
		return nil, &Error{Message: "the expression is empty"}
	case len(src) > maxSource:
		return nil, &Error{Offset: maxSource, Message: fmt.Sprintf("an expression has at most %d bytes, this one %d", maxSource, len(src))}
	}
	parsed, issues := e.cel.Parse(src)
	if issues.Err() != nil {
		return nil, explainSyntax(src, issues)
	}
	// Unknown variables are looked for first: what else is wrong follows from
	// them.
	if err := e.checkNames(src, parsed.NativeRep(), parsed.NativeRep().Expr(), nil); err != nil {
		return nil, err
	}
	checked, issues := e.cel.Check(parsed)
	if issues.Err() != nil {
		return nil, e.explainTypes(src, parsed.NativeRep(), issues)
	}
	a := checked.NativeRep()
	c := &compiled{env: e, ast: a, result: a.GetType(a.Expr().ID())}
	c.reads, c.prices = e.readsOf(a.Expr()), e.pricesOf(a.Expr())
	if err := c.checkValues(src, a.Expr()); err != nil {
		return nil, err
	}
	if err := c.checkCost(src, checked); err != nil {
		return nil, err
	}
	return c, nil
}

// plan makes the program of the expression or of a part of it.
func (c *compiled) plan(a *celast.AST) (cel.Program, error) {
	options := []cel.ProgramOption{
		cel.EvalOptions(cel.OptOptimize),
		cel.InterruptCheckFrequency(checkEvery),
	}
	// What can't reach the limit needs no meter, which would take longer than
	// a simple condition itself.
	if c.metered {
		options = append(options, cel.CostLimit(maxCost), c.prices.tracked())
	}
	p, err := c.env.cel.PlanProgram(a, options...)
	if err != nil {
		return nil, &Error{Message: "the expression can't be compiled: " + err.Error()}
	}
	return p, nil
}

// Why an evaluation has no result. CEL's own messages quote values, which may
// be what a person wrote.
var (
	errTooCostly = errors.New("it costs too much")
	errTooSlow   = fmt.Errorf("it takes longer than %v", maxTime)
	errNoValue   = errors.New("it has no value for these facts: a conversion, an index, a key or a calculation isn't possible")
)

// eval evaluates c or a part of it.
func (c *compiled) eval(ctx context.Context, p cel.Program, f *reactors.Facts, now time.Time) (ref.Val, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	vars := &activation{c.env.schema, f, now}
	if !c.reads.loops { // CEL looks at the clock in loops only
		v, _, err := p.Eval(vars)
		return outcome(v, err)
	}
	bounded, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	v, _, err := p.ContextEval(bounded, vars)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bounded.Err() != nil:
		return nil, errTooSlow
	}
	return outcome(v, err)
}

// outcome says what came of an evaluation without CEL's words.
func outcome(v ref.Val, err error) (ref.Val, error) {
	if err == nil && !types.IsUnknownOrError(v) {
		return v, nil
	}
	var cancelled interpreter.EvalCancelledError
	if errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded {
		return nil, errTooCostly
	}
	return nil, errNoValue
}

// find returns the field at a path that begins with a variable; nil if there
// is none.
func (s *schema) find(path []string) *field {
	f := s.roots[path[0]]
	for _, name := range path[1:] {
		if f == nil || f.sub == nil {
			return nil
		}
		f = f.sub.fields[name]
	}
	return f
}
