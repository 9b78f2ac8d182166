package strictyaml

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile bounds a file.
const maxFile = 1 << 20

// Kind is what a node is.
type Kind string

// Kinds, in the words of messages.
const (
	Section Kind = "a section"
	List    Kind = "a list"
	Text    Kind = "text"
	Number  Kind = "a number"
	Boolean Kind = "true or false"
	Nothing Kind = "nothing"

	refused Kind = "refused" // reported as [Unsupported]
)

// Unsupported is the message about YAML that isn't accepted. What follows such
// a place may have been taken for a part of it.
const Unsupported = "anchors, aliases, tags and special numbers are not supported"

// Node is a value of a file and where it stands. It keeps its place when it is
// merged into another tree, so that messages name the place where it was
// written.
type Node struct {
	Kind  Kind
	At    Position // of nothing: the place of its key
	Text  string   // of scalars; of text what it means, of others how it is written
	Pairs []Pair   // of a section
	Items []*Node  // of a list

	style token.Type // how text is written
}

// Pair is a key of a section and its value.
type Pair struct {
	Key   string
	At    Position
	Value *Node
}

// Child returns the value of a key; nil if there is none.
func (n *Node) Child(key string) *Node {
	if i := n.index(key); i >= 0 {
		return n.Pairs[i].Value
	}
	return nil
}

// index is where a key is among the pairs; -1 if it isn't.
func (n *Node) index(key string) int {
	return slices.IndexFunc(n.Pairs, func(p Pair) bool { return p.Key == key })
}

// EachText calls f with all texts in the node.
func (n *Node) EachText(f func(string)) {
	if n.Kind == Text {
		f(n.Text)
	}
	for _, p := range n.Pairs {
		p.Value.EachText(f)
	}
	for _, item := range n.Items {
		item.EachText(f)
	}
}

// Plain is the value as encoding/json takes it. A number stays as it is written.
func (n *Node) Plain() any {
	switch n.Kind {
	case Section:
		m := make(map[string]any, len(n.Pairs))
		for _, p := range n.Pairs {
			m[p.Key] = p.Value.Plain()
		}
		return m
	case List:
		l := make([]any, len(n.Items))
		for i, item := range n.Items {
			l[i] = item.Plain()
		}
		return l
	case Boolean:
		return n.Text == "true"
	case Number:
		if json.Valid([]byte(n.Text)) {
			return json.Number(n.Text)
		}
		if f, err := strconv.ParseFloat(n.Text, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	case Nothing, refused:
		return nil
	}
	return n.Text
}

// Read reads a file; nil if there is nothing in it, or it isn't YAML.
func (ms *Mistakes) Read(src *Source) *Node {
	if len(src.raw) > maxFile {
		ms.At(src.At(0, 0), "", "larger than %d MiB", maxFile>>20)
		return nil
	}
	if at := src.notUTF8(); at.Line > 0 {
		ms.At(at, "save the file as UTF-8", "not UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(string(src.raw))
	if deep := tooDeep(tokens); deep != nil {
		ms.At(src.token(deep), "", "nested too deeply")
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			at := src.token(syntax.GetToken())
			ms.At(at, src.fix(at, syntax.GetMessage()), "not valid YAML: %s", syntax.GetMessage())
		} else {
			ms.At(src.At(0, 0), "", "not valid YAML")
		}
		return nil
	}
	var top *Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case top != nil:
			ms.At(src.start(doc.Body), "", "a second document; a file holds a single one")
		default:
			top = ms.node(src, "", doc.Body)
		}
	}
	return top
}

// ReadSupported is Read, and nil if the file holds what isn't supported, as what
// follows may have been taken for a part of it.
func (ms *Mistakes) ReadSupported(src *Source) *Node {
	known := len(ms.List)
	top := ms.Read(src)
	for _, m := range ms.List[known:] {
		if m.Message == Unsupported {
			return nil
		}
	}
	return top
}

// tooDeep returns where brackets, or what begins in a single line, nest more
// deeply than any file of ours does; nil if nowhere. The parser would take for
// ever.
func tooDeep(tokens token.Tokens) *token.Token {
	const maxDepth = 100
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
		if brackets > maxDepth || inLine > maxDepth {
			return t
		}
	}
	return nil
}

// notUTF8 is where a file holds something else; line 0 if nowhere.
func (s *Source) notUTF8() Position {
	for i, line := range s.lines {
		for at, r := range line {
			if r == utf8.RuneError && !strings.HasPrefix(line[at:], "\ufffd") {
				return s.At(i+1, utf8.RuneCountInString(line[:at])+1)
			}
		}
	}
	return s.At(0, 0)
}

// token is where a token begins.
func (s *Source) token(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return s.At(0, 0)
	}
	return s.At(t.Position.Line, s.begin(t))
}

// begin is the column of a token. The lexer's is too high for plain text with
// white space behind it.
func (s *Source) begin(t *token.Token) int {
	column := t.Position.Column
	if t.Type != token.StringType || t.Position.Line < 1 || t.Position.Line > len(s.lines) {
		return column
	}
	first, _, _ := strings.Cut(strings.TrimSpace(t.Value), " ")
	word, line := []rune(first), s.runes(t.Position.Line-1)
	for c := column; c > 0 && c-1 <= len(line) && len(word) > 0; c-- {
		if rest := line[c-1:]; len(rest) >= len(word) && slices.Equal(rest[:len(word)], word) {
			return c
		}
	}
	return column
}

// start is where a node begins; the token of a section is its first colon.
func (s *Source) start(n ast.Node) Position {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			return s.token(m.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return s.token(m.Key.GetToken())
	}
	return s.token(n.GetToken())
}

func (ms *Mistakes) node(src *Source, path string, n ast.Node) *Node {
	r := &Node{At: src.start(n)}
	if t := n.GetToken(); t != nil {
		r.style = t.Type
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		r.Kind, r.Pairs = Section, ms.pairs(src, path, v.Values)
	case *ast.MappingValueNode:
		r.Kind, r.Pairs = Section, ms.pairs(src, path, []*ast.MappingValueNode{v})
	case *ast.SequenceNode:
		r.Kind = List
		for i, item := range v.Values {
			r.Items = append(r.Items, ms.node(src, Item(path, i), item))
		}
	case *ast.StringNode:
		r.Kind, r.Text = Text, v.Value
	case *ast.LiteralNode:
		r.Kind, r.Text = Text, v.Value.Value
	case *ast.BoolNode:
		r.Kind, r.Text = Boolean, strconv.FormatBool(v.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		r.Kind, r.Text = Number, n.GetToken().Value
	case *ast.NullNode:
		r.Kind = Nothing
	default:
		r.Kind = refused
		ms.At(r.At, "put it in quotes if it is text", Unsupported)
	}
	return r
}

func (ms *Mistakes) pairs(src *Source, path string, values []*ast.MappingValueNode) []Pair {
	var pairs []Pair
	first := map[string]int{}
	for _, v := range values {
		at := src.token(v.Key.GetToken())
		name, ok := v.Key.(*ast.StringNode)
		if !ok {
			ms.At(at, keyFix(v.Key), "a key must be a plain word")
			continue
		}
		if line, ok := first[name.Value]; ok {
			ms.At(at, "", "%s is set twice; first in line %d", Join(path, name.Value), line)
			continue
		}
		first[name.Value] = at.Line
		value := ms.node(src, Join(path, name.Value), v.Value)
		if value.Kind == Nothing {
			value.At = at
		}
		pairs = append(pairs, Pair{name.Value, at, value})
	}
	return pairs
}
