package rules

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile bounds a file of rules, and a card's.
const maxFile = 1 << 20

// kind is what a node of a document is.
type kind string

// Kinds, in the words of messages.
const (
	section kind = "a section"
	list    kind = "a list"
	text    kind = "text"
	number  kind = "a number"
	boolean kind = "true or false"
	nothing kind = "nothing"
)

// node is a value of a document and where it stands. It stays the same when
// the value is merged into an override, so that messages name the place where
// it was written.
type node struct {
	kind  kind
	at    position
	text  string // of scalars; of text what it means, of others how it is written
	token *token.Token
	pairs []pair  // of a section
	items []*node // of a list
}

type pair struct {
	key   string
	at    position
	value *node
}

// child returns the value of a key; nil if there is none.
func (n *node) child(key string) *node {
	for _, p := range n.pairs {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// plain is the value as encoding/json takes it.
func (n *node) plain() any {
	switch n.kind {
	case section:
		m := make(map[string]any, len(n.pairs))
		for _, p := range n.pairs {
			m[p.key] = p.value.plain()
		}
		return m
	case list:
		l := make([]any, len(n.items))
		for i, item := range n.items {
			l[i] = item.plain()
		}
		return l
	case boolean:
		return n.text == "true"
	case number:
		if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
			return i
		}
		if f, err := strconv.ParseFloat(n.text, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
		return n.text
	case nothing:
		return nil
	}
	return n.text
}

// tree reads a document; nil if there is none, or it can't be read.
func (ps *problems) tree(src *source, raw []byte) *node {
	whole := position{src: src}
	if len(raw) > maxFile {
		ps.at(whole, "", "larger than %d MiB", maxFile>>20)
		return nil
	}
	if line, column := notUTF8(raw); line > 0 {
		ps.at(position{src, line, column}, "save the file as UTF-8", "not UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(string(withoutMark(raw)))
	if deep := tooDeep(tokens); deep != nil {
		ps.at(src.at(deep), "", "nested too deeply")
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			at := src.at(syntax.GetToken())
			ps.at(at, src.yamlHint(at, syntax.GetMessage()), "not valid YAML: %s", syntax.GetMessage())
		} else {
			ps.at(whole, "", "not valid YAML")
		}
		return nil
	}
	var top *node
	known := len(ps.list)
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case top != nil:
			ps.at(src.start(doc.Body), "", "a second document; a file holds a single one")
		default:
			top = ps.node(src, doc.Body)
		}
	}
	for _, p := range ps.list[known:] {
		if p.Message == unsupported {
			return nil // what follows was taken for a part of it
		}
	}
	return top
}

// tooDeep returns where brackets, or what begins in a single line, nest more
// deeply than any rule does; nil if nowhere. The parser would take for ever.
func tooDeep(tokens token.Tokens) *token.Token {
	const most = 100
	brackets, line, inLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType:
			inLine++
		}
		if brackets > most || inLine > most {
			return t
		}
	}
	return nil
}

const unsupported = "anchors, aliases, tags and special numbers are not supported"

// notUTF8 is where a file holds something else, from 1; 0 if nowhere.
func notUTF8(raw []byte) (line, column int) {
	line, column = 1, 1
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		switch {
		case r == utf8.RuneError && size == 1:
			return line, column
		case r == '\n':
			line, column = line+1, 0
		}
		raw, column = raw[size:], column+1
	}
	return 0, 0
}

// at is where a token begins.
func (s *source) at(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{src: s}
	}
	return position{src: s, line: t.Position.Line, column: s.begin(t)}
}

// begin is the column of a token. The lexer's is too high for plain text with
// white space behind it.
func (s *source) begin(t *token.Token) int {
	column := t.Position.Column
	if t.Type != token.StringType || t.Position.Line < 1 || t.Position.Line > len(s.lines) {
		return column
	}
	word, _, _ := strings.Cut(strings.TrimSpace(t.Value), " ")
	line := []rune(s.lines[t.Position.Line-1])
	for c := column; c > 0 && c-1 <= len(line) && word != ""; c-- {
		if strings.HasPrefix(string(line[c-1:]), word) {
			return c
		}
	}
	return column
}

// start is where a node begins; the token of a section is its first colon.
func (s *source) start(n ast.Node) position {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			return s.at(m.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return s.at(m.Key.GetToken())
	}
	return s.at(n.GetToken())
}

func (ps *problems) node(src *source, n ast.Node) *node {
	r := &node{at: src.start(n), token: n.GetToken()}
	switch v := n.(type) {
	case *ast.MappingNode:
		r.kind, r.pairs = section, ps.pairs(src, v.Values)
	case *ast.MappingValueNode:
		r.kind, r.pairs = section, ps.pairs(src, []*ast.MappingValueNode{v})
	case *ast.SequenceNode:
		r.kind = list
		for _, item := range v.Values {
			r.items = append(r.items, ps.node(src, item))
		}
	case *ast.StringNode:
		r.kind, r.text = text, v.Value
	case *ast.LiteralNode:
		r.kind, r.text = text, v.Value.Value
	case *ast.BoolNode:
		r.kind, r.text = boolean, strconv.FormatBool(v.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		r.kind, r.text = number, n.GetToken().Value
	case *ast.NullNode:
		r.kind = nothing
	default:
		r.kind = nothing
		ps.at(r.at, "put it in quotes if it is text", unsupported)
	}
	return r
}

func (ps *problems) pairs(src *source, values []*ast.MappingValueNode) []pair {
	var pairs []pair
	first := map[string]int{}
	for _, v := range values {
		at := src.at(v.Key.GetToken())
		name, ok := v.Key.(*ast.StringNode)
		if !ok {
			ps.at(at, keyHint(v.Key), "a key must be a plain word")
			continue
		}
		if line, ok := first[name.Value]; ok {
			ps.at(at, "", "%s is set twice; first in line %d", name.Value, line)
			continue
		}
		first[name.Value] = at.line
		pairs = append(pairs, pair{name.Value, at, ps.node(src, v.Value)})
	}
	return pairs
}
