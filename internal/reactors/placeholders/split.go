// Package placeholders is the grammar of texts: what is between {{ and }} is an
// expression, and {{{{ writes {{. An expression may hold }} in a string or a map.
//
// It promises that the pieces of a text, put together, are the text again, and that
// taking it apart is as quick as reading it. What is wrong is a [Mistake] that says
// where.
package placeholders

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Mistake is what is wrong with a text.
type Mistake struct {
	Offset     int // in bytes
	Message    string
	Suggestion string // may be empty
}

func (m *Mistake) Error() string { return m.Message }

// Limits of a text with placeholders.
const (
	maxTemplate     = 32 << 10 // bytes: Chat takes messages of 32,000
	maxPlaceholders = 100
)

// Segment is a piece of a text: either literal text, or an expression.
type Segment struct {
	Text   string
	Expr   bool
	Offset int // in the text
}

// Split takes a text apart.
func Split(src string) ([]Segment, error) {
	if len(src) > maxTemplate {
		return nil, &Mistake{Offset: maxTemplate, Message: fmt.Sprintf("a text has at most %d bytes, this one %d", maxTemplate, len(src))}
	}
	var list []Segment
	var literal strings.Builder
	begin, count := 0, 0
	flush := func(next int) {
		if literal.Len() > 0 {
			list = append(list, Segment{Text: literal.String(), Offset: begin})
			literal.Reset()
		}
		begin = next
	}
	for i := 0; i < len(src); {
		rest := src[i:]
		switch {
		case strings.HasPrefix(rest, "{{{{"):
			literal.WriteString("{{")
			i += 4
		case strings.HasPrefix(rest, "{{"):
			length := closing(rest[2:])
			if length < 0 {
				return nil, &Mistake{Offset: i, Message: "{{ isn't closed by }}", Suggestion: "{{{{ writes {{"}
			}
			if count++; count > maxPlaceholders {
				return nil, &Mistake{Offset: i, Message: fmt.Sprintf("a text has at most %d placeholders", maxPlaceholders)}
			}
			flush(i)
			list = append(list, Segment{Text: rest[2 : 2+length], Expr: true, Offset: i + 2})
			i += 2 + length + 2
			begin = i
		default:
			literal.WriteByte(src[i])
			i++
		}
	}
	flush(len(src))
	return list, nil
}

// closing finds the }} that ends an expression: the first outside of strings
// and braces. It returns -1 if there is none.
func closing(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '\'':
			end := stringEnd(s, i)
			if end < 0 {
				// The next }} ends the expression, so that the mistake is reported
				// as what it is.
				if at := strings.Index(s[i:], "}}"); at >= 0 {
					return i + at
				}
				return -1
			}
			i = end
		case '{':
			depth++
		case '}':
			if depth == 0 && strings.HasPrefix(s[i:], "}}") {
				return i
			}
			depth = max(0, depth-1)
		}
	}
	return -1
}

// stringEnd returns the index of the last quote of the string that begins at
// i; -1 if there is none.
func stringEnd(s string, i int) int {
	quote := s[i : i+1]
	raw := i > 0 && (s[i-1] == 'r' || s[i-1] == 'R') && !wordBefore(s[:i-1])
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s[i:], triple) {
		quote = triple
	}
	for j := i + len(quote); j < len(s); j++ {
		switch {
		case s[j] == '\\' && !raw:
			j++
		case strings.HasPrefix(s[j:], quote):
			return j + len(quote) - 1
		}
	}
	return -1
}

// wordBefore reports whether s ends in a letter or digit: the r of for"x" is
// no prefix of a raw string. The b of br"x" is one.
func wordBefore(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(s, "bB"))
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
