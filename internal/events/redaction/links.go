// Package redaction takes out of the bytes of an event what must not be kept.
//
// It is pure, and never changes what it is given. What needs no redaction comes
// back as it is; of the rest, nothing is changed but what is taken out.
package redaction

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Mark stands where something was taken out.
const Mark = `"redacted by Spacekeeper"`

// Links takes out the links by which whoever opens them publishes a private message
// to the app: interactions have them. It finds them in data that isn't JSON, too.
func Links(data []byte) []byte {
	// Escapes may hide a key.
	if !bytes.Contains(data, []byte("edirectUr")) && !bytes.Contains(data, []byte(`\u00`)) {
		return data
	}
	var kept []byte // nil as long as nothing was taken out
	done := 0
	// Every quote may begin a key: in broken data nobody knows which one does.
	for at := bytes.IndexByte(data, '"'); at >= 0 && at < len(data); {
		end := stringEnd(data, at)
		value := valueOf(data, end)
		if value < 0 || !isLink(data[at:end]) {
			at = next(data, at)
			continue
		}
		end = valueEnd(data, value)
		if found := string(data[value:end]); found != Mark && found != "null" {
			kept = append(append(kept, data[done:value]...), Mark...)
			done = end
		}
		at = next(data, end-1)
	}
	if kept == nil {
		return data
	}
	return append(kept, data[done:]...)
}

// next is the place of the next quote behind one.
func next(data []byte, at int) int {
	i := bytes.IndexByte(data[at+1:], '"')
	if i < 0 {
		return -1
	}
	return at + 1 + i
}

// isLink tells whether a string, with its quotes, is the key of such a link.
func isLink(quoted []byte) bool {
	if len(quoted) > 200 { // 6 bytes for each character, if all are escaped
		return false
	}
	var key string
	if json.Unmarshal(quoted, &key) != nil {
		return false
	}
	key, found := strings.CutPrefix(key, "configCompleteRedirectUr")
	return found && (key == "l" || key == "i")
}

// stringEnd is behind the string that begins at a quote; behind the data, if it
// doesn't end.
func stringEnd(data []byte, at int) int {
	for i := at + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// valueOf is where the value of a key begins that ends at a place; -1 if no value
// follows.
func valueOf(data []byte, at int) int {
	rest := bytes.TrimLeft(data[at:], " \t\r\n")
	if len(rest) == 0 || rest[0] != ':' {
		return -1
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	if len(rest) == 0 {
		return -1
	}
	return len(data) - len(rest)
}

// valueEnd is behind the value that begins at a place.
func valueEnd(data []byte, at int) int {
	depth := 0
	for i := at; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = stringEnd(data, i) - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(data)
}
