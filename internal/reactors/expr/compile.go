package expr

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Limits of an expression. Costs are in CEL's units: about one for a step, a
// tenth for each character that is looked at.
const (
	maxSource   = 2000 // bytes
	maxDepth    = 60   // of parentheses, operators and calls in each other
	maxRegexp   = 500  // instructions of the compiled pattern
	maxEstimate = 1_000_000
	maxCost     = 100_000
	checkEvery  = 100 // steps of a list's macro between looks at the clock
	maxTime     = 50 * time.Millisecond
)

// compiled is an expression that can be evaluated.
type compiled struct {
	env     *Env
	ast     *celast.AST
	result  *types.Type
	reads   reads
	metered bool // its cost isn't known to be small
	program cel.Program
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
	if err := c.checkCost(src, checked); err != nil {
		return nil, err
	}
	c.reads = e.readsOf(a.Expr())
	var err error
	if c.program, err = c.plan(a); err != nil {
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
		options = append(options, cel.CostLimit(maxCost))
	}
	p, err := c.env.cel.PlanProgram(a, options...)
	if err != nil {
		return nil, &Error{Message: "the expression can't be compiled: " + err.Error()}
	}
	return p, nil
}

func (c *compiled) checkCost(src string, checked *cel.Ast) error {
	if id, nested := nestedLoop(c.ast.Expr(), false); nested {
		return &Error{
			Offset:  offsetOf(src, c.ast, id),
			Message: "too costly: exists, all, filter, map and exists_one can't be inside one another",
		}
	}
	estimate, err := c.env.cel.EstimateCost(checked, sizes{c.env.schema})
	if err != nil || estimate.Max > maxEstimate {
		return &Error{
			Message:    "too costly: on a long text or list it could take too much time or memory",
			Suggestion: "leave out calls, or give them shorter texts",
		}
	}
	c.metered = estimate.Max > maxCost
	return nil
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

// sizes tells CEL's cost estimate how large values are at most.
type sizes struct{ schema *schema }

// EstimateCallCost implements cost.Estimator. CEL's own figures will do, but
// for numbers and times as text: it thinks them endless.
func (sizes) EstimateCallCost(_, overload string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	switch overload {
	case overloads.IntToString, overloads.UintToString, overloads.DoubleToString, overloads.BoolToString,
		overloads.TimestampToString, overloads.DurationToString:
		const longest = 400 // a decimal number in full
		return cost.NewCallEstimate(cost.FixedCostEstimate(1), &cost.SizeEstimate{Min: 0, Max: longest})
	}
	return nil
}

// EstimateSize implements cost.Estimator.
func (s sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	path := n.Path()
	if len(path) == 0 {
		return nil
	}
	maxSize := uint64(maxString)
	if n.Type().Kind() == types.ListKind {
		maxSize = manyItems
	} else if path[len(path)-1] == "@items" {
		maxSize = itemSize
	} else if f := s.schema.find(path); f != nil {
		maxSize = uint64(f.max)
	}
	return &cost.SizeEstimate{Min: 0, Max: maxSize}
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
