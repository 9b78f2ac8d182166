package letters

import "unicode"

// Characters that nobody sees, and that are needed where they stand between the
// right others.
const (
	nonJoiner     = '\u200c' // keeps letters apart that would be joined: in Persian, say
	joiner        = '\u200d' // makes a cluster of letters, or one emoji of several
	textSelector  = '\ufe0e' // asks for an emoji in black and white
	emojiSelector = '\ufe0f' // asks for an emoji in colours
	keycap        = '\u20e3'
	blackFlag     = '\U0001f3f4' // begins the flags of regions
	firstTag      = '\U000e0020' // tags spell the region's name
	endTag        = '\U000e007f'
)

// needed reports whether an unseen character at a place is a part of what is
// seen. before is the last character that was kept, 0 if there is none or a blank
// is between them.
func needed(text []rune, i int, before rune) bool {
	var after rune
	if i+1 < len(text) {
		after = text[i+1]
	}
	switch r := text[i]; {
	case r == emojiSelector || r == textSelector:
		return isPictograph(before) || after == keycap && (unicode.IsDigit(before) || before == '#')
	case unicode.Is(unicode.Variation_Selector, r): // of a character that is written in several ways
		return unicode.In(before, unicode.Han, unicode.Mongolian)
	case r == joiner && (isPictograph(before) || isSkinTone(before) || before == emojiSelector):
		return isPictograph(after)
	case r == joiner || r == nonJoiner:
		// A vowel killer with a joiner may end a word: it is another letter then.
		return isJoined(before) && (isJoined(after) || r == joiner && unicode.IsMark(before))
	}
	return false
}

// regionTags is how many tags follow a black flag, as they do in a flag of a
// region; 0 if they aren't well-formed.
func regionTags(text []rune) int {
	const longest = 8 // "gbeng", or three letters and a number
	for i, r := range text {
		switch {
		case r == endTag && i > 1:
			return i + 1
		case i >= longest || r <= firstTag || r >= endTag:
			return 0
		}
	}
	return 0
}

// isPictograph reports whether a character is one that emoji are made of. These
// are the blocks that hold them, with some signs that are no emoji.
func isPictograph(r rune) bool {
	switch {
	case r >= 0x1f000 && r <= 0x1faff:
		return !isSkinTone(r)
	case r >= 0x2190 && r <= 0x21ff, r >= 0x2300 && r <= 0x23ff, r >= 0x25a0 && r <= 0x27bf,
		r >= 0x2900 && r <= 0x297f, r >= 0x2b00 && r <= 0x2bff:
		return true
	}
	switch r {
	case '©', '®', '‼', '⁉', '™', 'ℹ', 'Ⓜ', '〰', '〽', '㊗', '㊙':
		return true
	}
	return false
}

func isSkinTone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }

// isJoined reports whether a character is of a script whose letters change beside
// others: there joiners say how.
func isJoined(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsMark(r)) && unicode.In(r,
		unicode.Arabic, unicode.Syriac, unicode.Mandaic, unicode.Nko, unicode.Mongolian, unicode.Adlam, unicode.Hanifi_Rohingya,
		unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
		unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Balinese, unicode.Javanese,
		unicode.Tibetan, unicode.Chakma, unicode.Brahmi)
}
