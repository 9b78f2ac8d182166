package events

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// span is a string's place in the data, without its quotes.
type span struct {
	start, end int
	// saved is how many bytes shorter the string is once its escapes are
	// resolved; 0 only if there are none, as each is longer than what it stands for.
	saved int
}

// str reads a string; null is "".
func (r *reader) str() string { return r.text(r.span()) }

// name reads a string that may become an index key: a name or an id.
func (r *reader) name() string { return r.short(r.span()) }

// enum reads one of the API's enumerated words. The common ones cost no memory.
func (r *reader) enum() string {
	s := r.span()
	switch string(r.data[s.start:s.end]) {
	case "HUMAN":
		return "HUMAN"
	case "BOT":
		return "BOT"
	case "JOINED":
		return "JOINED"
	case "INVITED":
		return "INVITED"
	case "NOT_A_MEMBER":
		return "NOT_A_MEMBER"
	case "ROLE_MEMBER":
		return "ROLE_MEMBER"
	case "ROLE_MANAGER":
		return "ROLE_MANAGER"
	case "ROLE_ASSISTANT_MANAGER":
		return "ROLE_ASSISTANT_MANAGER"
	case "INTERNAL":
		return "INTERNAL"
	case "EXTERNAL":
		return "EXTERNAL"
	case "CREATOR":
		return "CREATOR"
	}
	return r.short(s)
}

// span reads a string and leaves it where it is; null is empty.
func (r *reader) span() span {
	if r.fail != nil {
		return span{}
	}
	if r.peek() != '"' {
		r.other("a string")
		return span{}
	}
	s, _ := r.scanString()
	return s
}

// text copies a string out of the data, so that an event doesn't keep all of
// its message alive.
func (r *reader) text(s span) string {
	raw := r.data[s.start:s.end]
	if s.saved == 0 {
		return string(raw)
	}
	return string(unescape(make([]byte, 0, len(raw)-s.saved), raw))
}

// short is [reader.text] for what must not be long.
func (r *reader) short(s span) string {
	if n := s.end - s.start - s.saved; n > maxName {
		r.failf(ReasonNameTooLong, s.start-1, "the value of %q has %d bytes; %d are allowed", r.key, n, maxName)
		return ""
	}
	return r.text(s)
}

// sameText reports whether two strings are written alike.
func (r *reader) sameText(a, b span) bool {
	return bytes.Equal(r.data[a.start:a.end], r.data[b.start:b.end])
}

// Each byte of a word repeated, to look at eight bytes at once.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// scanString checks the string that the reader stands on and moves behind it.
func (r *reader) scanString() (span, bool) {
	data := r.data
	start := r.pos + 1
	i, saved := start, 0
	for {
		// Subtracting sets a byte's high bit if the byte is less than what is
		// subtracted. A borrow may set the next byte's as well, never an earlier
		// one's, so the lowest bit set is true.
		for i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			special := ((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones) | (w - ' '*ones) | w
			if special &= highs; special != 0 {
				i += bits.TrailingZeros64(special) / 8
				break
			}
			i += 8
		}
		if i >= len(data) {
			r.failf(ReasonSyntax, len(data), "the data ends within a string")
			return span{}, false
		}
		switch c := data[i]; {
		case c == '"':
			r.pos = i + 1
			return span{start, i, saved}, true
		case c == '\\':
			n, s := r.scanEscape(i)
			if n == 0 {
				return span{}, false
			}
			i, saved = i+n, saved+s
		case c >= utf8.RuneSelf:
			for i < len(data) && data[i] >= utf8.RuneSelf {
				char, n := utf8.DecodeRune(data[i:])
				if char == utf8.RuneError && n == 1 && !r.cutting {
					r.failf(ReasonInvalidUTF8, i, "a string with byte 0x%02x, which isn't UTF-8 there", data[i])
					return span{}, false
				}
				i += n
			}
		case c == 0:
			r.failf(ReasonNUL, i, "a string with a NUL")
			return span{}, false
		case c < ' ':
			r.failf(ReasonSyntax, i, "a string with the control character 0x%02x", c)
			return span{}, false
		default:
			i++
		}
	}
}

// scanEscape checks the escape at i and returns its length and how many bytes
// it is longer than what it stands for; the length is 0 if it failed.
func (r *reader) scanEscape(i int) (length, saved int) {
	if i+1 < len(r.data) {
		switch r.data[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			return 2, 1
		}
	}
	char, ok := hex4(r.data, i)
	switch {
	case !ok:
		r.failf(ReasonSyntax, i, "a string with an escape that JSON doesn't have")
		return 0, 0
	case r.cutting:
		return 6, 0
	case char == 0:
		r.failf(ReasonNUL, i, `a string with \u0000`)
		return 0, 0
	case !isSurrogate(char):
		return 6, 6 - utf8.RuneLen(char)
	}
	if low, ok := hex4(r.data, i+6); ok && char < 0xdc00 && 0xdc00 <= low && low < 0xe000 {
		return 12, 12 - 4
	}
	r.failf(ReasonLoneSurrogate, i, "a string with half a surrogate pair")
	return 0, 0
}

// unescape appends raw, which scanString has checked, with its escapes resolved.
func unescape(out, raw []byte) []byte {
	for {
		slash := bytes.IndexByte(raw, '\\')
		if slash < 0 {
			return append(out, raw...)
		}
		out = append(out, raw[:slash]...)
		raw = raw[slash:]
		switch c := raw[1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			char, _ := hex4(raw, 0)
			if isSurrogate(char) {
				low, _ := hex4(raw, 6)
				char = (char-0xd800)<<10 | (low - 0xdc00) + 0x10000
				raw = raw[6:]
			}
			out = utf8.AppendRune(out, char)
			raw = raw[4:]
		default: // a quote or a slash of either kind
			out = append(out, c)
		}
		raw = raw[2:]
	}
}

// hex4 returns the number of the \uXXXX at i.
func hex4(data []byte, i int) (rune, bool) {
	if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
		return 0, false
	}
	var char rune
	for _, c := range data[i+2 : i+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		char = char<<4 | rune(c)
	}
	return char, true
}

func isSurrogate(char rune) bool { return 0xd800 <= char && char < 0xe000 }

// mark is a key of an open object, and where in the data it stands, without
// its quotes. It holds no pointer, and little else, as every event pays for it.
type mark struct {
	hash       uint32 // of the key
	start, end uint32
}

// addKey makes s the current key, and fails if the object has it already.
func (r *reader) addKey(s span) bool {
	key := r.keyAt(s.start, s.end)
	hash := hashOf(key)
	siblings := r.keys[r.base:]
	for i := range siblings {
		if m := siblings[i]; m.hash == hash && bytes.Equal(key, r.keyAt(int(m.start), int(m.end))) {
			r.failf(ReasonDuplicateKey, s.start-1, "a key that its object has already")
			return false
		}
	}
	if len(siblings) >= r.limits.MaxKeys {
		r.failf(ReasonTooManyKeys, s.start-1, "an object with more than %d keys", r.limits.MaxKeys)
		return false
	}
	r.keys = append(r.keys, mark{hash, uint32(s.start), uint32(s.end)})
	r.key = key
	return true
}

// keyAt returns the key between two quotes, unescaped.
func (r *reader) keyAt(start, end int) []byte {
	raw := r.data[start:end]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	return unescape(make([]byte, 0, len(raw)), raw)
}

// hashOf is FNV-1a.
func hashOf(key []byte) uint32 {
	const offset, prime = 2166136261, 16777619
	hash := uint32(offset)
	for _, c := range key {
		hash = (hash ^ uint32(c)) * prime
	}
	return hash
}
