package expr

import (
	"html"
	"strings"
	"unicode"
)

// Characters of a value that a Chat message shows.
const (
	mostCharacters = 500
	mostOfName     = 80
)

// writer puts a text together, and remembers of each character whether it is
// the rule's own or came from elsewhere: only seen together do a value and
// what is next to it make a link.
type writer struct {
	glyphs []glyph
}

type glyph struct {
	r       rune
	foreign bool
}

// own adds text of the rule, or that only we have made.
func (w *writer) own(s string) {
	for _, r := range s {
		w.glyphs = append(w.glyphs, glyph{r, false})
	}
}

// foreign adds what somebody may have chosen.
func (w *writer) foreign(k kind, s string, most int) {
	if k == plain {
		w.own(s)
		return
	}
	for _, r := range visible(s, most) {
		if safe, ok := lookalikes[r]; ok && (k == chat || r != '<' && r != '>') {
			r = safe
		}
		w.glyphs = append(w.glyphs, glyph{r, true})
	}
}

// text returns the whole text.
func (w *writer) text(k kind) string {
	if k != plain {
		defuse(w.glyphs)
	}
	var b strings.Builder
	for _, g := range w.glyphs {
		if k == card && g.foreign {
			b.WriteString(html.EscapeString(string(g.r)))
		} else {
			b.WriteRune(g.r)
		}
	}
	return b.String()
}

// lookalikes stand in for what Chat takes for markup: *bold* _italic_ ~gone~
// `code`, <link|label> and addresses. Characters without width, the other
// common way, have been seen to be ignored by other chats.
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

// visible makes one line of at most so many characters of a value, without
// what isn't seen: controls, marks of direction, characters without width, of
// private use, or unknown.
func visible(s string, most int) []rune {
	var out []rune
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = len(out) > 0
			continue
		case r == emojiSelector:
			if space || len(out) == 0 || out[len(out)-1] < 0x80 && !unicode.IsDigit(out[len(out)-1]) {
				continue // it changes nothing here but what a pattern finds
			}
		case !unicode.IsGraphic(r), ignorable(r):
			continue
		}
		if space {
			out, space = append(out, ' '), false
		}
		out = append(out, r)
		if len(out) > most {
			return append(out[:most-1], '…')
		}
	}
	return out
}

// emojiSelector asks for an emoji in colours.
const emojiSelector = '\ufe0f'

// ignorable reports whether a character that counts as a letter or a mark is
// drawn as nothing.
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// defuse takes from links, and from items of a list, what the values brought
// to them. What is all the rule's own stays.
func defuse(g []glyph) {
	at := func(i int) glyph {
		if i < 0 || i >= len(g) {
			return glyph{r: '\n'}
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
			www, foreignWWW := endsInWWW(g[:i])
			if (domain || www) && g[i].foreign || (domain && after.foreign || foreignWWW) && !inLink {
				g[i].r = dotLike
			}
		case '-':
			if lineStart && g[i].foreign && unicode.IsSpace(at(i+1).r) {
				g[i].r = hyphenLike
			}
		}
		lineStart = g[i].r == '\n' || lineStart && g[i].r == ' '
		inLink = inLink && !unicode.IsSpace(g[i].r)
	}
}

// unlink breaks "://" unless it is all the rule's own.
func unlink(g []glyph) (broken bool) {
	slash := false
	for i := range g[1:] {
		if g[1+i].foreign {
			g[1+i].r, slash = slashLike, true
		}
	}
	if g[0].foreign && !slash {
		g[0].r = colonLike
	}
	return slash || g[0].foreign
}

// endsInWWW reports whether text ends in www, and whether a value has a part
// in it.
func endsInWWW(g []glyph) (www, foreign bool) {
	if len(g) < len("www") {
		return false, false
	}
	for _, x := range g[len(g)-len("www"):] {
		if x.r != 'w' && x.r != 'W' {
			return false, false
		}
		foreign = foreign || x.foreign
	}
	return true, foreign
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
