package expr

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
)

// minNeedle is the least length of a needle, in bytes: see [Haystack].
const minNeedle = 3

// needlesOf lists texts of which message.text must hold one if a term is true;
// nil if there are none to tell.
func needlesOf(x celast.Expr) []string {
	if x.Kind() != celast.CallKind {
		return nil
	}
	call := x.AsCall()
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]celast.Expr{call.Target()}, args...)
	}
	switch call.FunctionName() {
	case operators.LogicalOr:
		return anyOf(args, needlesOf)
	case operators.LogicalAnd:
		return firstOf(args, needlesOf)
	case operators.Equals, "contains", "startsWith", "endsWith":
		s, ok := tree.Literal[types.String](args[1])
		switch {
		case ok && ofText(args[0]):
			return needle(string(s))
		case ok && ofLowered(args[0]):
			return needle(longest(string(s), changesLowered))
		}
	case "hasWord":
		if s, ok := tree.Literal[types.String](args[1]); ok && (ofText(args[0]) || ofLowered(args[0])) {
			return needle(longest(string(s), changesLowered))
		}
	case "matches":
		if s, ok := tree.Literal[types.String](args[1]); ok && ofText(args[0]) {
			if pattern, err := syntax.Parse(string(s), syntax.Perl); err == nil {
				return needlesOfPattern(pattern)
			}
		}
	}
	return nil
}

// ofText reports whether an expression is the message's text, but for case.
func ofText(x celast.Expr) bool {
	if x.Kind() == celast.CallKind && x.AsCall().IsMemberFunction() {
		switch x.AsCall().FunctionName() {
		case "lowerAscii", "upperAscii":
			return ofText(x.AsCall().Target())
		}
	}
	return tree.Name(x) == textOfMessage
}

// ofLowered reports whether an expression is the message's text in small letters.
func ofLowered(x celast.Expr) bool {
	if x.Kind() != celast.CallKind || x.AsCall().FunctionName() != "lower" {
		return false
	}
	return ofText(x.AsCall().Target()) || ofLowered(x.AsCall().Target())
}

// changesLowered reports whether lower may make a character of one with other
// bytes, but for the case of ASCII letters.
func changesLowered(r rune) bool { return r >= utf8.RuneSelf || strings.ContainsRune("kKiI;`", r) }

// longest is the longest part of a text without some characters.
func longest(s string, without func(rune) bool) (part string) {
	for _, p := range strings.FieldsFunc(s, without) {
		if len(p) > len(part) {
			part = p
		}
	}
	return part
}

func needle(s string) []string {
	if len(s) < minNeedle {
		return nil
	}
	return []string{s}
}

func needlesOfPattern(p *syntax.Regexp) []string {
	switch p.Op {
	case syntax.OpLiteral:
		// Of ASCII's letters, k and s have a third case. Of others this knows none.
		// What is no UTF-8 matches a pattern as U+FFFD, and has other bytes.
		folds := p.Flags&syntax.FoldCase != 0
		return needle(longest(string(p.Rune), func(r rune) bool {
			return r == utf8.RuneError || folds && (r >= utf8.RuneSelf || strings.ContainsRune("kKsS", r))
		}))
	case syntax.OpConcat:
		return firstOf(p.Sub, needlesOfPattern)
	case syntax.OpAlternate:
		return anyOf(p.Sub, needlesOfPattern)
	case syntax.OpCapture, syntax.OpPlus:
		return needlesOfPattern(p.Sub[0])
	case syntax.OpRepeat:
		if p.Min > 0 {
			return needlesOfPattern(p.Sub[0])
		}
	}
	return nil
}

// firstOf returns the needles of the first part that has some: all hold.
func firstOf[T any](parts []T, of func(T) []string) []string {
	for _, part := range parts {
		if needles := of(part); needles != nil {
			return needles
		}
	}
	return nil
}

// anyOf returns the needles of all parts, if each has some: one of them holds.
func anyOf[T any](parts []T, of func(T) []string) (all []string) {
	for _, part := range parts {
		needles := of(part)
		if needles == nil {
			return nil
		}
		all = append(all, needles...)
	}
	return all
}

// Haystack knows which triples of bytes a message's text holds, but for the case
// of ASCII letters: to see that a needle isn't in it takes a nanosecond or two.
type Haystack [256]uint64

// Trace is what a Haystack is asked for of a needle.
type Trace [4]uint16

// Anything is the trace that every Haystack has.
var Anything = Trace{}

const multiplier = 0x9E3779B1 // the golden ratio: spreads triples

func fold(c byte) uint32 {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return uint32(c)
}

// Fill makes it that of the message. A text that is still to be looked up may
// hold anything.
func (h *Haystack) Fill(f *reactors.Facts) {
	if f.Untold()&reactors.NeedMessage != 0 {
		for i := range h {
			h[i] = ^uint64(0)
		}
		return
	}
	text := clip(f.Message.Text, maxText)
	*h = Haystack{1} // for Anything
	var triple uint32
	for i := range len(text) {
		triple = triple<<8&0xFFFFFF | fold(text[i])
		if i >= minNeedle-1 {
			bit := triple * multiplier >> 18
			h[bit/64] |= 1 << (bit % 64)
		}
	}
}

// TraceOf is made of triples from all over a needle.
func TraceOf(needle string) (t Trace) {
	last := len(needle) - minNeedle
	for i := range t {
		at := last * i / (len(t) - 1)
		triple := fold(needle[at])<<16 | fold(needle[at+1])<<8 | fold(needle[at+2])
		t[i] = uint16(triple * multiplier >> 18)
	}
	return t
}

// MayHold reports whether a needle with a trace may be in the text.
func (h *Haystack) MayHold(t *Trace) bool {
	for _, bit := range t {
		if h[bit/64]>>(bit%64)&1 == 0 {
			return false
		}
	}
	return true
}
