package rules

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// decoder fills structs from nodes, by yaml tags, and goes on after a mistake.
// The structs of the file and those of actions' parameters are treated alike.
type decoder struct {
	*problems
	nodes map[string]*node // what was read, by its path in the rule
	cards *cards
}

// own is a type that reads itself and says what it accepts.
type own interface {
	read(d *decoder, path string, n *node)
	schema(s *schemer) map[string]any
}

// decode reads a node into what v points to. Nothing is as good as not set.
func (d *decoder) decode(path string, n *node, v reflect.Value) {
	d.nodes[path] = n
	if n.kind == nothing {
		return
	}
	switch p := v.Addr().Interface().(type) {
	case own:
		p.read(d, path, n)
		return
	case *time.Duration:
		if n.kind == text || n.kind == number && n.text == "0" {
			var err error
			if *p, err = parseDuration(n.text); err == nil {
				return
			}
		}
		d.at(n.at, "write it with its unit, such as 90s, 10m, 1h30m or 7d", "%s must be a duration", name(path))
		return
	case *reactors.ChatText:
		p.Source = d.word(path, n)
		return
	case *reactors.PlainText:
		p.Source = d.word(path, n)
		return
	case *reactors.Card:
		if n = d.cards.read(d, path, n); n != nil {
			d.nodes[path], p.Source = n, n.plain()
		}
		return
	case encoding.TextUnmarshaler:
		if s := d.word(path, n); s != "" {
			if err := p.UnmarshalText([]byte(s)); err != nil {
				d.at(n.at, "", "%s: %v", name(path), err)
			}
		}
		return
	}
	d.value(path, n, v)
}

func (d *decoder) value(path string, n *node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		d.section(path, n, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(path, n, v.Elem())
	case reflect.Slice:
		if !d.want(path, n, list) {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
		for i, item := range n.items {
			d.decode(index(path, i), item, v.Index(i))
		}
	case reflect.Map:
		if !d.want(path, n, section) {
			return
		}
		v.Set(reflect.MakeMapWithSize(v.Type(), len(n.pairs)))
		for _, p := range n.pairs {
			value := reflect.New(v.Type().Elem()).Elem()
			d.decode(join(path, p.key), p.value, value)
			v.SetMapIndex(reflect.ValueOf(p.key).Convert(v.Type().Key()), value)
		}
	case reflect.String:
		v.SetString(d.word(path, n))
	case reflect.Bool:
		if d.want(path, n, boolean) {
			v.SetBool(n.text == "true")
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(n.plain()))
	default:
		d.number(path, n, v)
	}
}

func (d *decoder) number(path string, n *node, v reflect.Value) {
	if !d.want(path, n, number) {
		return
	}
	fits := false
	switch {
	case v.CanInt():
		i, err := strconv.ParseInt(n.text, 10, 64)
		if fits = err == nil && !v.OverflowInt(i); fits {
			v.SetInt(i)
		}
	case v.CanUint():
		i, err := strconv.ParseUint(n.text, 10, 64)
		if fits = err == nil && !v.OverflowUint(i); fits {
			v.SetUint(i)
		}
	case v.CanFloat():
		f, err := strconv.ParseFloat(n.text, 64)
		if fits = err == nil; fits {
			v.SetFloat(f)
		}
	}
	if !fits {
		d.at(n.at, "", "%s is a number that doesn't fit", name(path))
	}
}

func (d *decoder) section(path string, n *node, v reflect.Value) {
	keys := keysOf(v.Type())
	if n.kind != section {
		d.at(n.at, "its keys are "+strings.Join(names(keys), ", "), "%s must be a section, got %s", name(path), n.kind)
		return
	}
	for _, p := range n.pairs {
		k, ok := find(keys, p.key)
		if !ok {
			where := "here"
			if path != "" {
				where = "in " + path
			}
			d.at(p.at, suggest(p.key, names(keys)), "unknown key %q %s", p.key, where)
			continue
		}
		d.decode(join(path, p.key), p.value, v.FieldByIndex(k.field))
	}
}

// want reports whether a node is of a kind, and the problem if it isn't.
func (d *decoder) want(path string, n *node, k kind) bool {
	if n.kind != k {
		hint := insteadOf(n, k)
		if path == "reactors" && k == list && hint != "" {
			hint = "begin each with a dash and its id, as in - id: welcome"
		}
		d.at(n.at, hint, "%s must be %s, got %s", name(path), k, n.kind)
	}
	return n.kind == k
}

// insteadOf says how a node is written as another kind; "" if that can't be
// told.
func insteadOf(n *node, k kind) string {
	switch {
	case k == boolean && n.kind == text:
		switch strings.ToLower(n.text) {
		case "yes", "on", "y", "true":
			return "write true, without quotes"
		case "no", "off", "n", "false":
			return "write false, without quotes"
		}
	case k == number && n.kind == text:
		if _, err := strconv.ParseFloat(n.text, 64); err == nil {
			return "leave the quotes out"
		}
	case k == list && n.kind == section && len(n.pairs) > 0:
		return "begin each item with a dash, as in - " + n.pairs[0].key + ":"
	case k == list && n.kind == text && !strings.ContainsAny(n.text, " ,[]{}"):
		return "write [" + n.text + "]"
	}
	return ""
}

func (d *decoder) word(path string, n *node) string {
	if n.kind == text {
		return n.text
	}
	hint := ""
	if n.kind == number || n.kind == boolean {
		hint = "put it in quotes"
	}
	d.at(n.at, hint, "%s must be text, got %s", name(path), n.kind)
	return ""
}

// has reports whether a key was written, with a value.
func (d *decoder) has(path string) bool {
	n := d.nodes[path]
	return n != nil && n.kind != nothing
}

// where is where the value at a path stands, or else the nearest section
// around it.
func (d *decoder) where(path string) position {
	for {
		if n := d.nodes[path]; n != nil {
			return n.at
		}
		if path == "" {
			return position{}
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
}

// key is a key that a struct can be read from.
type key struct {
	name, doc, enum string
	field           []int
	typ             reflect.Type
}

// keysOf lists the keys of a struct by its yaml tags, those of embedded
// structs among them.
func keysOf(t reflect.Type) []key {
	var keys []key
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if tag == "" || tag == "-" || !f.IsExported() {
			continue
		}
		keys = append(keys, key{tag, f.Tag.Get("doc"), f.Tag.Get("enum"), f.Index, f.Type})
	}
	return keys
}

func find(keys []key, name string) (key, bool) {
	for _, k := range keys {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

func names(keys []key) []string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.name
	}
	return list
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// name is a path in a message.
func name(path string) string {
	if path == "" {
		return "it"
	}
	return path
}
