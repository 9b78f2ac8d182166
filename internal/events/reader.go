package events

import (
	"fmt"
	"strconv"
)

// reader reads JSON in one pass, strictly: every byte is checked against the
// grammar and the limits, also in the values that are skipped. It is used like
//
//	for key := range r.fields {
//		switch string(key) {
//		case "name":
//			name = r.str()
//		default:
//			r.skip()
//		}
//	}
//
// with exactly one value read or skipped for each key or element. The first
// failure sticks: from then on every loop ends and every value is zero, so only
// the outermost caller looks at fail.
type reader struct {
	data   []byte
	limits Limits
	pos    int
	depth  int
	first  bool // the innermost object or array was entered and has had no element yet
	fail   *Malformed

	cutting bool // only the end of the value is looked for: see cut

	key  []byte // the key that nextKey found, unescaped
	keys []mark // the keys of all open objects, each object's behind a mark of its own
	base int    // where the innermost open object's keys begin
}

// object enters an object. It returns false for null, which an element of an
// array, or the data itself, may be, and fails on any other type.
func (r *reader) object() bool {
	if !r.enter('{', "an object") {
		return false
	}
	r.keys = append(r.keys, mark{start: uint32(r.base)}) // to come back to
	r.base = len(r.keys)
	return true
}

// fields reads an object, key by key; of null it yields none.
func (r *reader) fields(yield func(key []byte) bool) {
	if r.object() {
		for r.nextKey() && yield(r.key) {
		}
	}
}

// array enters an array; see [reader.object].
func (r *reader) array() bool { return r.enter('[', "an array") }

func (r *reader) enter(open byte, want string) bool {
	if r.peek() != open {
		r.other(want)
		return false
	}
	if r.depth++; r.depth > r.limits.MaxDepth {
		r.failf(ReasonTooDeep, r.pos, "more than %d objects and arrays within each other", r.limits.MaxDepth)
		return false
	}
	r.pos++
	r.first = true
	return true
}

// nextKey moves to the next key of the object and to its value. Null stands for
// an absent field in Google's JSON, so its key is left out. At the object's end
// nextKey leaves the object and returns false.
func (r *reader) nextKey() bool {
	for r.anyKey() {
		if r.peek() != 'n' {
			return true
		}
		r.literal("null")
	}
	return false
}

// anyKey is [reader.nextKey], null or not.
func (r *reader) anyKey() bool {
	if !r.next('}') {
		if r.fail == nil {
			outer := r.base - 1
			r.base, r.keys = int(r.keys[outer].start), r.keys[:outer]
		}
		return false
	}
	if r.peek() != '"' {
		r.unexpected("a key")
		return false
	}
	s, ok := r.scanString()
	if !ok || !r.cutting && !r.addKey(s) {
		return false
	}
	if r.peek() != ':' {
		r.unexpected("a colon")
		return false
	}
	r.pos++
	return true
}

// nextElement moves to the next element of the array; see [reader.nextKey].
func (r *reader) nextElement() bool {
	r.key = nil // the last element may have left one that must not be shown
	return r.next(']')
}

func (r *reader) next(end byte) bool {
	if r.fail != nil {
		return false
	}
	c := r.peek()
	switch {
	case c == end:
		r.pos++
		r.depth--
		r.first = false
		return false
	case r.first:
		r.first = false
		return true
	case c != ',':
		r.unexpected("a comma or the end of an object or array")
		return false
	}
	r.pos++
	if r.peek() == end {
		r.unexpected("a value after the comma")
		return false
	}
	return true
}

// skip reads a value of any type and drops it.
func (r *reader) skip() {
	if r.fail != nil {
		return
	}
	switch c := r.peek(); {
	case c == '"':
		r.scanString()
	case c == '{':
		if r.object() {
			for r.nextKey() {
				r.skip()
			}
		}
	case c == '[':
		if r.array() {
			for r.nextElement() {
				r.skip()
			}
		}
	case c == '-' || '0' <= c && c <= '9':
		r.scanNumber()
	case c == 't':
		r.literal("true")
	case c == 'f':
		r.literal("false")
	case c == 'n':
		r.literal("null")
	default:
		r.unexpected("a value")
	}
}

// cut drops a value that is refused, whatever its keys and strings hold, and fails
// if it isn't JSON: only then is it not clear where it ends. Bytes that aren't UTF-8
// are no matter, as none of them can be a quote or a backslash.
func (r *reader) cut() {
	limits := r.limits
	r.cutting, r.limits.MaxDepth = true, max(limits.MaxDepth, maxCutDepth)
	r.skip()
	r.cutting, r.limits = false, limits
}

// boolean reads true or false; null is false.
func (r *reader) boolean() bool {
	switch {
	case r.fail != nil:
		return false
	case r.peek() == 't':
		return r.literal("true")
	case r.peek() == 'f':
		r.literal("false")
		return false
	default:
		r.other("a boolean")
		return false
	}
}

// integer reads a whole number, which Google may write as text; 0 of anything else.
func (r *reader) integer() int64 {
	if r.fail != nil {
		return 0
	}
	switch c := r.peek(); {
	case c == '"':
		n, _ := strconv.ParseInt(r.str(), 10, 64) // 0 if it is none
		return n
	case c == '-' || '0' <= c && c <= '9':
		start := r.pos
		r.scanNumber()
		n, _ := strconv.ParseInt(string(r.data[start:r.pos]), 10, 64) // as above
		return n
	}
	r.skip()
	return 0
}

// length reads an array and returns how many elements it has.
func (r *reader) length() int {
	if !r.array() {
		return 0
	}
	n := 0
	for r.nextElement() {
		r.skip()
		n++
	}
	return n
}

// end checks that nothing but white space is left.
func (r *reader) end() {
	if r.fail == nil {
		if r.peek(); r.pos < len(r.data) {
			r.unexpected("the end of the data")
		}
	}
}

// other reads a value that isn't of the type that is wanted: null is fine.
func (r *reader) other(want string) {
	if r.fail != nil {
		return
	}
	c := r.peek()
	if c == 'n' {
		r.literal("null")
		return
	}
	// What isn't JSON at all is not a matter of types, so the value is read first.
	start, key := r.pos, r.key
	if r.skip(); r.fail != nil {
		return
	}
	if key == nil {
		r.failf(ReasonWrongType, start, "an element, or the data itself, isn't %s", want)
		return
	}
	// The key is one that the caller asked for, so it is no secret.
	r.failf(ReasonWrongType, start, "the value of %q isn't %s", key, want)
}

func (r *reader) literal(word string) bool {
	if len(r.data)-r.pos < len(word) || string(r.data[r.pos:r.pos+len(word)]) != word {
		r.unexpected("a value")
		return false
	}
	r.pos += len(word)
	return true
}

// scanNumber checks the number that the reader stands on.
func (r *reader) scanNumber() {
	if r.at() == '-' {
		r.pos++
	}
	if r.at() == '0' {
		r.pos++
	} else if r.skipDigits() == 0 {
		r.unexpected("a digit")
		return
	}
	if r.at() == '.' {
		r.pos++
		if r.skipDigits() == 0 {
			r.unexpected("a digit")
			return
		}
	}
	if c := r.at(); c == 'e' || c == 'E' {
		r.pos++
		if c := r.at(); c == '+' || c == '-' {
			r.pos++
		}
		if r.skipDigits() == 0 {
			r.unexpected("a digit")
		}
	}
}

func (r *reader) skipDigits() int {
	start := r.pos
	for r.pos < len(r.data) && '0' <= r.data[r.pos] && r.data[r.pos] <= '9' {
		r.pos++
	}
	return r.pos - start
}

// at returns the byte that the reader stands on, or 0 at the end.
func (r *reader) at() byte {
	if r.pos < len(r.data) {
		return r.data[r.pos]
	}
	return 0
}

// peek skips white space and returns the byte behind it, or 0 at the end.
func (r *reader) peek() byte {
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
		r.pos++
	}
	return 0
}

func (r *reader) unexpected(want string) {
	if r.pos >= len(r.data) {
		r.failf(ReasonSyntax, r.pos, "the data ends where %s must stand", want)
		return
	}
	r.failf(ReasonSyntax, r.pos, "byte 0x%02x stands where %s must", r.data[r.pos], want)
}

// failf records the first failure. What is formatted must never be a part of
// the data, save keys that the package itself asks for.
func (r *reader) failf(reason Reason, offset int, format string, args ...any) {
	if r.fail == nil {
		r.fail = &Malformed{
			Reason: reason,
			Detail: fmt.Sprintf(format, args...) + fmt.Sprintf(" (at byte %d)", offset),
			Offset: offset,
		}
	}
}
