package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/spacekeeper/spacekeeper/internal/reactors/letters"
)

// Overloads of the functions that know more letters than those of ASCII.
const (
	lowerOverload   = "string_lower"
	hasWordOverload = "string_has_word_string"
	baseOverload    = "emoji_base_string"
)

// textFunctions are x.lower(), x.hasWord("word") and emoji.base(x).
func textFunctions() []cel.EnvOption {
	text := func(v ref.Val) string { s, _ := v.(types.String); return string(s) }
	return []cel.EnvOption{
		cel.Function("lower", cel.MemberOverload(lowerOverload, []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(x ref.Val) ref.Val { return types.String(letters.Lower(text(x))) }))),
		cel.Function("hasWord", cel.MemberOverload(hasWordOverload, []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
			cel.BinaryBinding(func(x, word ref.Val) ref.Val {
				return types.Bool(letters.HoldsWord(letters.Lower(text(x)), letters.Lower(text(word))))
			}))),
		cel.Function("emoji.base", cel.Overload(baseOverload, []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(x ref.Val) ref.Val { return types.String(letters.BaseEmoji(text(x))) }))),
	}
}

// readingText is what it costs to go over a text once, or twice to make it small.
func readingText(size uint64) uint64 { return 1 + size/5 }

// textCost estimates a call of one of these functions; nil for other overloads.
func (p prices) textCost(overload string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	switch overload {
	case lowerOverload, hasWordOverload, baseOverload:
	default:
		return nil
	}
	if target != nil {
		args = append([]cost.AstNode{*target}, args...)
	}
	var read uint64
	for _, x := range args {
		size := cost.EstimateSize(p, x).Max
		if size > maxEstimate {
			size = 10 * maxEstimate // whatever it is, it is too much
		}
		read += size
	}
	const grows = 3 // a letter may take more bytes in small
	return cost.NewCallEstimate(cost.Estimate{Min: 1, Max: readingText(read)}, &cost.SizeEstimate{Min: 0, Max: read * grows})
}
