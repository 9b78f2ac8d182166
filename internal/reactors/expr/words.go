package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"golang.org/x/text/unicode/norm"
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
			cel.UnaryBinding(func(x ref.Val) ref.Val { return types.String(lower(text(x))) }))),
		cel.Function("hasWord", cel.MemberOverload(hasWordOverload, []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
			cel.BinaryBinding(func(x, word ref.Val) ref.Val { return types.Bool(holdsWord(lower(text(x)), lower(text(word)))) }))),
		cel.Function("emoji.base", cel.Overload(baseOverload, []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(x ref.Val) ref.Val { return types.String(emojiBase(text(x))) }))),
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

// lower is a text in small letters, each written in one way: é may be one
// character or two.
func lower(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// holdsWord reports whether a text holds a word that isn't a part of a longer one.
func holdsWord(text, word string) bool {
	if word == "" {
		return false
	}
	first, _ := utf8.DecodeRuneInString(word)
	last, _ := utf8.DecodeLastRuneInString(word)
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, size := utf8.DecodeRuneInString(text[i+len(word):])
		if !(inWord(first) && inWord(before)) && !(inWord(last) && size > 0 && inWord(after)) {
			return true
		}
		_, size = utf8.DecodeRuneInString(text[i:])
		from = i + size
	}
}

// inWord reports whether a character is a part of words. Of what isn't there the
// answer is no: it is read as U+FFFD.
func inWord(r rune) bool {
	return r == '_' || r == joiner || r == nonJoiner || unicode.In(r, unicode.L, unicode.M, unicode.N)
}

// emojiBase leaves out how an emoji is shown: ❤ and ❤️, 👍 and 👍🏽 are the same.
func emojiBase(s string) string {
	return strings.Map(func(r rune) rune {
		if r == emojiSelector || r == textSelector || isSkinTone(r) {
			return -1
		}
		return r
	}, s)
}
