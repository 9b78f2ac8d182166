package expr

import (
	"regexp/syntax"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
)

// Limits of an expression's cost, in CEL's units: about one for a step, a tenth
// for each character that is looked at. The most that an evaluation may cost
// takes about a tenth of a second.
const (
	maxEstimate = 1_000_000
	maxCost     = 100_000
)

func (c *compiled) checkCost(src string, checked *cel.Ast) error {
	if id, nested := nestedLoop(c.ast.Expr(), false); nested {
		return &Error{
			Offset:  offsetOf(src, c.ast, id),
			Message: "too costly: exists, all, filter, map and exists_one can't be inside one another",
		}
	}
	estimate, err := c.env.cel.EstimateCost(checked, c.prices)
	if err != nil || estimate.Max > maxEstimate {
		return &Error{
			Message:    "too costly: on a long text or list it could take too much time or memory",
			Suggestion: "leave out calls, or give them shorter texts",
		}
	}
	c.metered = estimate.Max > maxCost || c.reads.loops
	return nil
}

// prices tells CEL's cost estimate how large values are at most, and what its own
// figures miss.
type prices struct {
	schema   *schema
	patterns map[string]int // regular expressions that are written out → instructions
}

func (e *Env) pricesOf(x celast.Expr) prices {
	p := prices{e.schema, map[string]int{}}
	p.collect(x)
	return p
}

func (p prices) collect(x celast.Expr) {
	if pattern, ok := patternOf(x); ok {
		p.patterns[pattern] = instructions(pattern)
	}
	for _, child := range tree.Children(x) {
		p.collect(child)
	}
}

// patternOf returns the pattern of a call of matches that is written out.
func patternOf(x celast.Expr) (string, bool) {
	if x.Kind() != celast.CallKind || x.AsCall().FunctionName() != overloads.Matches || len(x.AsCall().Args()) == 0 {
		return "", false
	}
	arg := x.AsCall().Args()[len(x.AsCall().Args())-1]
	if arg.Kind() != celast.LiteralKind {
		return "", false
	}
	pattern, ok := arg.AsLiteral().(types.String)
	return string(pattern), ok
}

// instructions is the size of a pattern's program.
func instructions(pattern string) int {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return maxRegexp
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return maxRegexp
	}
	return len(program.Inst)
}

// matching is what it costs to look for a pattern. In the worst case each
// instruction is tried at each character, and forty take as long as a step.
// CEL goes by the length of the pattern, and (x?){120} is short.
func (p prices) matching(pattern string, text uint64) uint64 {
	size, ok := p.patterns[pattern]
	if !ok {
		size = maxRegexp
	}
	return 1 + (text+1)*uint64(size)/40
}

// tracked is the price of matches and of our own functions while an expression is
// evaluated.
func (p prices) tracked() cel.ProgramOption {
	matches := func(args []ref.Val, _ ref.Val) *uint64 {
		text, _ := args[0].(types.String)
		pattern, _ := args[1].(types.String)
		price := p.matching(string(pattern), uint64(len(text)))
		return &price
	}
	reads := func(args []ref.Val, _ ref.Val) *uint64 {
		size := 0
		for _, x := range args {
			text, _ := x.(types.String)
			size += len(text)
		}
		price := readingText(uint64(size))
		return &price
	}
	return cel.CostTrackerOptions(cost.OverloadTracker(overloads.Matches, matches), cost.OverloadTracker(overloads.MatchesString, matches),
		cost.OverloadTracker(lowerOverload, reads), cost.OverloadTracker(hasWordOverload, reads), cost.OverloadTracker(baseOverload, reads))
}

// EstimateCallCost implements cost.Estimator. Numbers and times as text CEL thinks
// endless.
func (p prices) EstimateCallCost(_, overload string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	if c := p.textCost(overload, target, args); c != nil {
		return c
	}
	switch overload {
	case overloads.Matches, overloads.MatchesString:
		if target != nil {
			args = append([]cost.AstNode{*target}, args...)
		}
		text := cost.EstimateSize(p, args[0])
		if text.Max > maxText {
			return nil // unknown, and CEL's own figure is as large
		}
		pattern := ""
		if x := args[1].Expr(); x.Kind() == celast.LiteralKind {
			literal, _ := x.AsLiteral().(types.String)
			pattern = string(literal)
		}
		return cost.NewCallEstimate(cost.Estimate{Min: 1, Max: p.matching(pattern, text.Max)}, nil)
	case overloads.IntToString, overloads.UintToString, overloads.DoubleToString, overloads.BoolToString,
		overloads.TimestampToString, overloads.DurationToString:
		const longest = 400 // a decimal number in full
		return cost.NewCallEstimate(cost.FixedCostEstimate(1), &cost.SizeEstimate{Min: 0, Max: longest})
	}
	return nil
}

// EstimateSize implements cost.Estimator.
func (p prices) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	path := n.Path()
	if len(path) == 0 {
		return nil
	}
	maxSize := uint64(maxString)
	if n.Type().Kind() == types.ListKind {
		maxSize = manyItems
	} else if path[len(path)-1] == "@items" {
		maxSize = itemSize
	} else if f := p.schema.find(path); f != nil {
		maxSize = uint64(f.max)
	}
	return &cost.SizeEstimate{Min: 0, Max: maxSize}
}
