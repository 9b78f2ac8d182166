package query

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is a term as it is written.
type word struct {
	not         bool
	bare        bool // text without a key
	key, value  string
	at, valueAt int // bytes of the query before the word and before its value
}

// split cuts a query into its words. In quotation marks \ makes the next character
// one like others.
func split(text string) (list []word, err error) {
	pos := 0
	peek := func() rune {
		r, _ := utf8.DecodeRuneInString(text[pos:])
		return r
	}
	for {
		for pos < len(text) && unicode.IsSpace(peek()) {
			pos += utf8.RuneLen(peek())
		}
		if pos == len(text) {
			return list, nil
		}
		w := word{at: pos, valueAt: pos}
		if text[pos] == '-' {
			w.not = true
			pos++
			if pos == len(text) || unicode.IsSpace(peek()) {
				return nil, &Error{text, w.at, "a - alone leaves out nothing: write it before a term, such as -actor_kind:app"}
			}
		}
		start := pos
		for pos < len(text) && (text[pos] == '_' || text[pos] >= 'a' && text[pos] <= 'z' || text[pos] >= 'A' && text[pos] <= 'Z') {
			pos++
		}
		if pos < len(text) && text[pos] == ':' && pos > start {
			w.key = text[start:pos]
			pos++
		} else {
			w.bare, pos = true, start
		}
		w.valueAt = pos
		if w.value, pos, err = value(text, pos); err != nil {
			return nil, err
		}
		list = append(list, w)
		if len(list) > 2*maxTerms { // there are too many anyway
			return list, nil
		}
	}
}

// value reads up to the next space that is in no quotation marks, and returns the
// place after it.
func value(text string, pos int) (string, int, error) {
	var b strings.Builder
	opened := -1
	for pos < len(text) {
		r, size := utf8.DecodeRuneInString(text[pos:])
		switch {
		case r == '"' && opened < 0:
			opened = pos
		case r == '"':
			opened = -1
		case r == '\\' && opened >= 0 && pos+size < len(text):
			pos += size
			r, size = utf8.DecodeRuneInString(text[pos:])
			b.WriteRune(r)
		case unicode.IsSpace(r) && opened < 0:
			return b.String(), pos, nil
		default:
			b.WriteRune(r)
		}
		pos += size
	}
	if opened >= 0 {
		return "", pos, &Error{text, opened, "this quotation mark isn't closed"}
	}
	return b.String(), pos, nil
}

// quoted is a value as it may be written: in quotation marks if it needs them.
func quoted(value string, bare bool) string {
	if bare && !strings.ContainsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '\\' }) {
		return value
	}
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/_-.*@+", r))
	}
	if value != "" && strings.IndexFunc(value, func(r rune) bool { return !plain(r) }) < 0 {
		return value
	}
	return `"` + escape(value) + `"`
}

func escape(value string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
}

// Error says what is wrong with a query, and where.
type Error struct {
	Query string // "" if the place doesn't matter
	At    int    // bytes before the place
	Why   string
}

// around is how many characters of a query are shown on each side of the place.
const around = 60

func (e *Error) Error() string {
	if e.Query == "" {
		return e.Why
	}
	clean := func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}
	before, after := []rune(e.Query[:e.At]), []rune(e.Query[e.At:])
	if len(before) > around {
		before = append([]rune("…"), before[len(before)-around:]...)
	}
	if len(after) > around {
		after = append(after[:around:around], '…')
	}
	return fmt.Sprintf("%s\n  %s%s\n  %s^", e.Why, strings.Map(clean, string(before)), strings.Map(clean, string(after)),
		strings.Repeat(" ", len(before)))
}
