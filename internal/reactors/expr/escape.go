package expr

import (
	"html"
	"strings"
	"unicode"

	"github.com/spacekeeper/spacekeeper/internal/reactors/letters"
)

// How many characters of a value a message shows.
const (
	maxCharacters = 500
	maxOfName     = 80
)

// writer puts a text together and remembers which characters came from values:
// a value and the text beside it may make a link only together.
type writer []char

type char struct {
	r     rune
	value bool // not the rule's own: somebody may have chosen it
}

// own adds text of the rule, or that we made.
func (w *writer) own(s string) {
	for _, r := range s {
		*w = append(*w, char{r, false})
	}
}

// escapeValue adds at most maxLen characters of a value, without markup.
func (w *writer) escapeValue(k kind, s string, maxLen int) {
	if k == plain {
		w.own(s)
		return
	}
	for _, r := range letters.Visible(s, maxLen) {
		if safe, ok := lookalikes[r]; ok && (k == chat || r != '<' && r != '>') {
			r = safe
		}
		*w = append(*w, char{r, true})
	}
}

// text returns the whole text. Links that values had a part in are broken.
func (w writer) text(k kind) string {
	if k != plain {
		breakLinks(w)
	}
	var b strings.Builder
	for _, g := range w {
		if k == card && g.value {
			b.WriteString(html.EscapeString(string(g.r)))
		} else {
			b.WriteRune(g.r)
		}
	}
	return b.String()
}

// lookalikes replace what Chat takes for markup: *bold* _italic_ ~gone~ `code`,
// <link|label> and addresses. Inserting characters without width, the other
// common way, is known to fail in other chats, which ignore them.
var lookalikes = map[rune]rune{
	'<': '\u2039', '>': '\u203a', '|': '\u2223',
	'*': '\u2217', '_': '\uff3f', '~': '\u223c', '`': '\u02cb',
	'@': '\uff20',
}

const (
	slashLike  = '\u2215'
	colonLike  = '\ua789'
	dotLike    = '\u2024'
	hyphenLike = '\u2010'
)

// breakLinks replaces the characters of values that make a link or an item of a
// list. A link of the rule's own stays.
func breakLinks(g []char) {
	at := func(i int) char {
		if i < 0 || i >= len(g) {
			return char{r: '\n'}
		}
		return g[i]
	}
	lineStart, inLink := true, false // of the rule's own
	for i := range g {
		switch g[i].r {
		case ':':
			if at(i+1).r == '/' && at(i+2).r == '/' {
				inLink = !unlink(g[i : i+3])
			}
		case '.':
			after := at(i + 1)
			domain := !unicode.IsSpace(at(i-1).r) && unicode.IsLetter(after.r)
			www, valueWWW := endsInWWW(g[:i])
			if (domain || www) && g[i].value || (domain && after.value || valueWWW) && !inLink {
				g[i].r = dotLike
			}
		case '-':
			if lineStart && g[i].value && unicode.IsSpace(at(i+1).r) {
				g[i].r = hyphenLike
			}
		}
		lineStart = g[i].r == '\n' || lineStart && g[i].r == ' '
		inLink = inLink && !unicode.IsSpace(g[i].r)
	}
}

// unlink breaks "://" unless all of it is the rule's own.
func unlink(g []char) (broken bool) {
	slash := false
	for i := range g[1:] {
		if g[1+i].value {
			g[1+i].r, slash = slashLike, true
		}
	}
	if g[0].value && !slash {
		g[0].r = colonLike
	}
	return slash || g[0].value
}

// endsInWWW reports whether text ends in www, and whether a value wrote a part of
// it.
func endsInWWW(g []char) (www, value bool) {
	if len(g) < len("www") {
		return false, false
	}
	for _, x := range g[len(g)-len("www"):] {
		if x.r != 'w' && x.r != 'W' {
			return false, false
		}
		value = value || x.value
	}
	return true, value
}

// beginsMention reports whether a literal text ends in the beginning of a
// mention, which a value would complete: "<", "<users/".
func beginsMention(literal string) bool {
	open := strings.LastIndexByte(literal, '<')
	if open < 0 {
		return false
	}
	const all = "users/"
	tail := literal[open+1:]
	return strings.HasPrefix(all, tail) || strings.HasPrefix(tail, all) && !strings.ContainsAny(tail, "> \n")
}
