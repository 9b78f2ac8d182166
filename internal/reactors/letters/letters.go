// Package letters knows what people write: words and emoji of all languages, and
// what of them is seen.
//
// It promises to be pure: the same text has the same answer everywhere. The
// caller gives valid UTF-8; of other bytes what is answered is of no use. There
// are no failures.
package letters

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Visible makes one line of at most maxLen characters of a value. It leaves out
// what nobody sees: controls, marks of direction, characters without width but
// where a word or an emoji needs them, of private use, or unknown.
func Visible(s string, maxLen int) []rune {
	var out []rune
	space := false
	text := []rune(s)
	tags := 0 // that follow in a flag
	for i, r := range text {
		var before rune
		if len(out) > 0 && !space {
			before = out[len(out)-1]
		}
		switch {
		case unicode.IsSpace(r):
			space = len(out) > 0
			continue
		case r == blackFlag:
			tags = regionTags(text[i+1:])
		case tags > 0:
			tags--
		case (!unicode.IsGraphic(r) || ignorable(r)) && !needed(text, i, before):
			continue
		}
		if space {
			out, space = append(out, ' '), false
		}
		out = append(out, r)
		if len(out) > maxLen {
			return append(whole(out[:maxLen-1]), '…')
		}
	}
	return out
}

// whole leaves out unseen characters at the end of a text that was cut there.
func whole(text []rune) []rune {
	for len(text) > 0 && (!unicode.IsGraphic(text[len(text)-1]) || ignorable(text[len(text)-1])) {
		text = text[:len(text)-1]
	}
	return text
}

// ignorable reports whether a character that counts as a letter or a mark is
// drawn as nothing.
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Lower is a text in small letters, each written in one way: é may be one
// character or two.
func Lower(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// HoldsWord reports whether a text holds a word that isn't a part of a longer one;
// both are in small letters. A sigma at the end of a word has a form of its own, and
// the same capital.
func HoldsWord(text, word string) bool {
	if word == "" {
		return false
	}
	if strings.ContainsAny(word, "σς") {
		text, word = strings.ReplaceAll(text, "ς", "σ"), strings.ReplaceAll(word, "ς", "σ")
	}
	first, _ := utf8.DecodeRuneInString(word)
	last, _ := utf8.DecodeLastRuneInString(word)
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		if (!inWord(first) || !endsInWord(text[:i])) && (!inWord(last) || !goesOn(text[i+len(word):], last)) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		from = i + size
	}
}

const joiners = string(joiner) + string(nonJoiner)

// endsInWord reports whether a text ends in a character of words, after which a letter
// comes.
func endsInWord(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text, joiners))
	return inWord(r)
}

// goesOn reports whether a text after a character goes on with its word. A joiner is
// of the word if a letter comes after it, or if it makes the mark before it another
// letter.
func goesOn(text string, before rune) bool {
	if unicode.IsMark(before) && strings.HasPrefix(text, string(joiner)) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, joiners))
	return inWord(r)
}

// inWord reports whether a character is a part of words. Of what isn't there the
// answer is no: it is read as U+FFFD.
func inWord(r rune) bool {
	return r == '_' || r == joiner || r == nonJoiner || unicode.In(r, unicode.L, unicode.M, unicode.N)
}

// BaseEmoji leaves out how an emoji is shown: ❤ and ❤️, 👍 and 👍🏽 are the same.
func BaseEmoji(s string) string {
	return strings.Map(func(r rune) rune {
		if r == emojiSelector || r == textSelector || isSkinTone(r) {
			return -1
		}
		return r
	}, s)
}
