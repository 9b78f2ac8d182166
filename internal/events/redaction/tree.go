package redaction

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// node is a value of JSON. Objects keep the order of their fields, and keys that
// come twice.
type node struct {
	kind   byte // '{', '[', '"' or 0 for all else
	fields []field
	list   []*node
	text   string // of '"'
	other  any    // of 0: a json.Number, a bool or nil
}

type field struct {
	key   string
	value *node
}

// maxDepth is deeper than what is recorded.
const maxDepth = 1000

var errTooDeep = errors.New("too deep")

// parse reads one value that is all of the data.
func parse(data []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n, err := read(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return n, nil
}

func read(d *json.Decoder, depth int) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, errTooDeep
	}
	switch v := token.(type) {
	case json.Delim:
		n := &node{kind: byte(v)}
		for d.More() {
			var f field
			if n.kind == '{' {
				key, err := d.Token()
				if err != nil {
					return nil, err
				}
				f.key, _ = key.(string)
			}
			if f.value, err = read(d, depth+1); err != nil {
				return nil, err
			}
			if n.kind == '{' {
				n.fields = append(n.fields, f)
			} else {
				n.list = append(n.list, f.value)
			}
		}
		_, err := d.Token() // the end
		return n, err
	case string:
		return &node{kind: '"', text: v}, nil
	default:
		return &node{other: v}, nil
	}
}

// write appends the value.
func (n *node) write(b []byte) []byte {
	switch n.kind {
	case '{':
		b = append(b, '{')
		for i, f := range n.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(quote(b, f.key), ':')
			b = f.value.write(b)
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, v := range n.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.write(b)
		}
		return append(b, ']')
	case '"':
		return quote(b, n.text)
	}
	text, err := json.Marshal(n.other)
	if err != nil { // numbers, true, false and null never fail
		text = []byte("null")
	}
	return append(b, text...)
}

func quote(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil { // texts never fail
		text = []byte(`""`)
	}
	return append(b, text...)
}

// get is the value of a key; nil if it isn't there, or n is nil or no object.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, f := range n.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// str is the text at the end of a path of keys; "" if there is none.
func (n *node) str(path ...string) string {
	for _, key := range path {
		n = n.get(key)
	}
	if n == nil {
		return ""
	}
	return n.text
}

// keys are those of the fields.
func (n *node) keys() (keys []string) {
	for _, f := range n.fields {
		keys = append(keys, f.key)
	}
	return keys
}

// keep drops the fields that aren't named, and tells whether there were any.
func (n *node) keep(keys ...string) bool {
	before := len(n.fields)
	n.fields = slices.DeleteFunc(n.fields, func(f field) bool { return !slices.Contains(keys, f.key) })
	return len(n.fields) < before
}

// each calls for n and all within it, from the outside in.
func (n *node) each(call func(*node)) {
	call(n)
	for _, f := range n.fields {
		f.value.each(call)
	}
	for _, v := range n.list {
		v.each(call)
	}
}

// number is the value of a key that holds a whole number, or nothing for 0; -1 if it
// holds something else.
func (n *node) number(key string) int {
	v := n.get(key)
	if v == nil {
		return 0
	}
	number, ok := v.other.(json.Number)
	i, err := number.Int64()
	if !ok || err != nil || i > 1<<30 {
		return -1
	}
	return int(i)
}
