package strictyaml

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// Inside returns the place in the file of a byte of the node's text. YAML
// folds, indents and escapes, but what isn't white space keeps its order: the
// walk goes through the file from one such character of the text to the next.
func (n *Node) Inside(offset int) Position {
	if n.Kind != Text || n.style == token.UnknownType || n.At.Line == 0 {
		return n.At
	}
	w := walk{src: n.At.src, style: n.style}
	w.to(n.At.Line-1, n.At.Column-1)
	switch w.style {
	case token.LiteralType, token.FoldedType:
		w.to(w.line+1, 0)
	case token.DoubleQuoteType, token.SingleQuoteType:
		w.column++
	}
	offset = min(max(offset, 0), len(n.Text))
	for _, r := range n.Text[:offset] {
		if !unicode.IsSpace(r) {
			w.next()
		}
	}
	if r, _ := utf8.DecodeRuneInString(n.Text[offset:]); offset < len(n.Text) && !unicode.IsSpace(r) {
		w.skip()
	}
	return n.At.src.At(w.line+1, w.column+1)
}

// walk is a place in a scalar as it is written.
type walk struct {
	src          *Source
	line, column int // from 0; columns count characters
	style        token.Type
	runes        []rune // of the line
}

// to goes to a place.
func (w *walk) to(line, column int) {
	w.line, w.column, w.runes = line, column, w.src.runes(line)
}

// rest is the line from the place on.
func (w *walk) rest() []rune { return w.runes[min(w.column, len(w.runes)):] }

// skip goes past what stands for white space.
func (w *walk) skip() {
	for w.line < len(w.src.lines) {
		rest := w.rest()
		switch {
		case len(rest) == 0 || w.style == token.DoubleQuoteType && len(rest) == 1 && rest[0] == '\\':
			if w.line+1 == len(w.src.lines) {
				return
			}
			w.to(w.line+1, 0)
		case unicode.IsSpace(rest[0]):
			w.column++
		case w.style == token.DoubleQuoteType && rest[0] == '\\' && w.escaped(rest):
			w.column += escapeLen(rest)
		default:
			return
		}
	}
}

// next goes past the next character that isn't white space.
func (w *walk) next() {
	w.skip()
	rest := w.rest()
	switch {
	case len(rest) == 0:
	case w.style == token.DoubleQuoteType && rest[0] == '\\':
		w.column += escapeLen(rest)
	case w.style == token.SingleQuoteType && len(rest) > 1 && rest[0] == '\'' && rest[1] == '\'':
		w.column += 2
	default:
		w.column++
	}
}

// escaped reports whether an escape stands for white space.
func (w *walk) escaped(rest []rune) bool {
	if len(rest) < 2 {
		return false
	}
	switch rest[1] {
	case 'n', 't', 'r', 'v', 'f', ' ', 'N', '_', 'L', 'P', '\t':
		return true
	case 'x', 'u', 'U':
		digits := strings.TrimLeft(string(rest[2:min(len(rest), escapeLen(rest))]), "0")
		switch strings.ToLower(digits) {
		case "9", "a", "b", "c", "d", "20", "85", "a0", "1680", "2028", "2029", "202f", "205f", "3000":
			return true
		}
	}
	return false
}

// escapeLen is how many characters an escape in double quotes has.
func escapeLen(rest []rune) int {
	if len(rest) > 1 {
		switch rest[1] {
		case 'x':
			return 4
		case 'u':
			return 6
		case 'U':
			return 10
		}
	}
	return 2
}
