package config

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// decoder fills the struct from a YAML document and remembers where each key
// was set. It goes on after a mistake.
type decoder struct {
	problems *problems
	fields   map[string]field    // by path
	where    map[string]position // by path; of a list's items by "path[i]"
	wrong    map[string]bool     // paths whose value was reported and not taken
}

// decode reports whether the file could be parsed at all.
func (d *decoder) decode(raw []byte) bool {
	file, err := parser.ParseBytes(raw, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			d.problems.at(positionOf(syntax.GetToken()), "not valid YAML: %s", syntax.GetMessage())
		} else {
			d.problems.at(position{}, "not valid YAML")
		}
		return false
	}
	for i, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if i > 0 {
			d.problems.at(start(doc.Body), "a second document; the configuration is a single one")
			continue
		}
		d.section("", doc.Body)
	}
	return true
}

func positionOf(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{line: t.Position.Line, column: t.Position.Column}
}

// start is where a node begins; the token of a mapping is its first colon.
func start(n ast.Node) position {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			return positionOf(m.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return positionOf(m.Key.GetToken())
	}
	return positionOf(n.GetToken())
}

// section decodes the mapping at path; "" is the top.
func (d *decoder) section(path string, n ast.Node) {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.NullNode:
		return // a section whose keys are all commented out
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		name := path
		if path == "" {
			name = "the configuration"
		}
		d.problems.at(start(n), "%s must be a section with keys (%s), got %s",
			name, strings.Join(d.keysIn(path), ", "), describe(n))
		return
	}
	seen := map[string]position{}
	for _, pair := range pairs {
		where := positionOf(pair.Key.GetToken())
		name, ok := pair.Key.(*ast.StringNode)
		if !ok {
			d.problems.at(where, "a key must be a plain word; anchors, aliases and merge keys are not supported")
			continue
		}
		if first, ok := seen[name.Value]; ok {
			d.problems.at(where, "%s is set twice; first in line %d", join(path, name.Value), first.line)
			continue
		}
		seen[name.Value] = where
		d.key(path, name.Value, where, pair.Value)
	}
}

func (d *decoder) key(section, name string, where position, n ast.Node) {
	path := join(section, name)
	f, leaf := d.fields[path]
	switch {
	case name != "" && leaf:
		d.where[path] = start(n)
		if n.Type() == ast.NullType {
			d.where[path] = where
			return // as good as not set
		}
		if why := d.set(f, n); why != "" {
			d.wrong[path] = true
			d.problems.at(start(n), "%s %s, got %s", path, why, describe(n))
		}
	case name != "" && len(d.keysIn(path)) > 0:
		d.where[path] = where
		d.section(path, n)
	default:
		d.unknown(section, name, where)
	}
}

// set checks the node's kind against the field's before it looks at the text:
// YAML would take "topic: 5" or "enabled: yes" for something else than meant.
func (d *decoder) set(f field, n ast.Node) string {
	var fits bool
	var want string
	switch f.value.Interface().(type) {
	case string:
		_, fits = text(n)
		want = "must be text (in quotes, if it looks like a number)"
	case time.Duration:
		_, fits = text(n)
		want = "must be a duration with its unit, such as 90s, 10m or 1h30m"
	case bool, *bool:
		fits = n.Type() == ast.BoolType
		want = "must be true or false"
	case []string:
		return d.setList(f, n)
	case []Target:
		return d.setTargets(f, n)
	default: // numbers are checked by their parser
		fits = n.Type() == ast.IntegerType || n.Type() == ast.StringType
		want = "must be a number"
	}
	if !fits {
		return want
	}
	s, ok := text(n)
	if !ok {
		s = n.GetToken().Value
	}
	if err := f.parse(s); err != nil {
		return err.Error()
	}
	return ""
}

func (d *decoder) setList(f field, n ast.Node) string {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		return "must be a list"
	}
	list := make([]string, 0, len(seq.Values))
	for _, item := range seq.Values {
		s, ok := text(item)
		if !ok {
			d.problems.at(start(item), "%s must be a list of texts, got %s", f.path, describe(item))
			continue
		}
		d.where[itemPath(f.path, len(list))] = start(item)
		list = append(list, s)
	}
	f.value.Set(reflect.ValueOf(list))
	return ""
}

// setTargets decodes each item as the section that it is: for as long as that
// takes, the item's keys are keys of the configuration.
func (d *decoder) setTargets(f field, n ast.Node) string {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		return `must be a list of sections such as {target: "spaces/AAQAtX4kZ1c"}`
	}
	list := make([]Target, 0, len(seq.Values))
	for _, item := range seq.Values {
		path := itemPath(f.path, len(list))
		var t Target
		keys := fields(path, reflect.ValueOf(&t).Elem())
		for _, key := range keys {
			d.fields[key.path] = key
		}
		d.where[path] = start(item)
		d.section(path, item)
		if kind := item.Type(); kind != ast.MappingType && kind != ast.MappingValueType {
			d.wrong[path+".target"] = true
		}
		for _, key := range keys {
			delete(d.fields, key.path)
		}
		list = append(list, t)
	}
	f.value.Set(reflect.ValueOf(list))
	return ""
}

func itemPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func text(n ast.Node) (string, bool) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, true
	case *ast.LiteralNode:
		return s.Value.Value, true
	}
	return "", false
}

// describe names what was found instead. It quotes numbers and words, but no
// text, as that might be a misplaced secret.
func describe(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a section"
	case ast.SequenceType:
		return "a list"
	case ast.NullType:
		return "nothing"
	case ast.BoolType, ast.IntegerType, ast.FloatType:
		return n.GetToken().Value
	case ast.AnchorType, ast.AliasType, ast.TagType, ast.MergeKeyType:
		return "an anchor, alias or tag, which are not supported"
	default:
		return "text"
	}
}
