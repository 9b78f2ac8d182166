package strictyaml

import (
	"cmp"
	"encoding"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Decoder fills structs from nodes, by yaml tags, and goes on after a mistake.
type Decoder struct {
	*Mistakes
	Nodes map[string]*Node // what was read, by its path
	Wrong map[string]bool  // paths whose value was reported and not taken

	// Special reads the caller's own types; it reports whether to was one. Nil:
	// there are none.
	Special func(path string, n *Node, to any) bool
	// Suggest says what to write instead of an unknown key; [Suggest] by default.
	Suggest func(section, key string, known []string) string
	// Quiet keeps what was read out of messages.
	Quiet bool
}

// NewDecoder returns a decoder that reports to ms.
func NewDecoder(ms *Mistakes) *Decoder {
	return &Decoder{
		Mistakes: ms, Nodes: map[string]*Node{}, Wrong: map[string]bool{},
		Suggest: func(_, key string, known []string) string { return Suggest(key, known) },
	}
}

// Unmarshaler is a type that reads itself. Nothing isn't given to it.
type Unmarshaler interface {
	UnmarshalNode(d *Decoder, path string, n *Node)
}

// Decode reads a node into what to points to. Nothing is as good as not set.
func (d *Decoder) Decode(path string, n *Node, to any) { d.decode(path, n, reflect.ValueOf(to).Elem()) }

func (d *Decoder) decode(path string, n *Node, v reflect.Value) {
	d.Nodes[path] = n
	switch n.Kind {
	case Nothing:
		return
	case refused:
		d.Wrong[path] = true
		return
	}
	to := v.Addr().Interface()
	if d.Special != nil && d.Special(path, n, to) {
		return
	}
	switch p := to.(type) {
	case Unmarshaler:
		p.UnmarshalNode(d, path, n)
	case *time.Duration:
		duration, err := ParseDuration(n.Text)
		if err != nil || n.Kind != Text && n.Text != "0" {
			d.Refuse(path, n, DurationForm, "%s must be a duration", name(path))
			return
		}
		*p = duration
	case encoding.TextUnmarshaler:
		s := d.Text(path, n)
		if s == "" {
			return
		}
		if err := p.UnmarshalText([]byte(s)); err != nil && d.Quiet {
			d.Refuse(path, n, "", "%s can't be read", name(path))
		} else if err != nil {
			d.Refuse(path, n, "", "%s: %v", name(path), err)
		}
	default:
		d.value(path, n, v)
	}
}

func (d *Decoder) value(path string, n *Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		d.section(path, n, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(path, n, v.Elem())
	case reflect.Slice:
		if !d.Want(path, n, List) {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items)))
		for i, item := range n.Items {
			if item.Kind == Nothing && v.Type().Elem().Kind() == reflect.String {
				d.Refuse(Item(path, i), item, "", "%s must be a list of texts, got nothing", name(path))
				continue
			}
			d.decode(Item(path, i), item, v.Index(i))
		}
	case reflect.Map:
		if !d.Want(path, n, Section) {
			return
		}
		v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Pairs)))
		for _, p := range n.Pairs {
			below := Join(path, p.Key)
			if d.Quiet { // the key may be anything
				below = path
			}
			value := reflect.New(v.Type().Elem()).Elem()
			d.decode(below, p.Value, value)
			v.SetMapIndex(reflect.ValueOf(p.Key).Convert(v.Type().Key()), value)
		}
	case reflect.String:
		if d.Want(path, n, Text) {
			v.SetString(n.Text)
		}
	case reflect.Bool:
		if d.Want(path, n, Boolean) {
			v.SetBool(n.Text == "true")
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(n.Plain()))
	default:
		d.number(path, n, v)
	}
}

func (d *Decoder) number(path string, n *Node, v reflect.Value) {
	if !d.Want(path, n, Number) {
		return
	}
	want, fits := "a whole number", false
	switch {
	case v.CanInt():
		i, err := strconv.ParseInt(n.Text, 10, 64)
		if fits = err == nil && !v.OverflowInt(i); fits {
			v.SetInt(i)
		}
	case v.CanUint():
		i, err := strconv.ParseUint(n.Text, 10, 64)
		if fits = err == nil && !v.OverflowUint(i); fits {
			v.SetUint(i)
		}
	case v.CanFloat():
		f, err := strconv.ParseFloat(n.Text, 64)
		if want, fits = "a number", err == nil; fits {
			v.SetFloat(f)
		}
	}
	if !fits {
		d.Refuse(path, n, "", "%s must be %s in range", name(path), want)
	}
}

func (d *Decoder) section(path string, n *Node, v reflect.Value) {
	keys := KeysOf(v.Type())
	known := make([]string, len(keys))
	byName := map[string]Key{}
	for i, k := range keys {
		known[i], byName[k.Name] = k.Name, k
	}
	if n.Kind != Section {
		d.Refuse(path, n, "its keys are "+strings.Join(known, ", "), "%s must be a section, got %s", name(path), n.Kind)
		return
	}
	for _, p := range n.Pairs {
		k, ok := byName[p.Key]
		if ok {
			d.decode(Join(path, p.Key), p.Value, v.FieldByIndex(k.Field.Index))
			d.word(Join(path, p.Key), p.Value, k)
			continue
		}
		where, fix := "here", d.Suggest(path, p.Key, known)
		if path != "" {
			where = "in " + path
		}
		if d.Quiet {
			d.At(p.At, fix, "unknown key %s", where)
		} else {
			d.At(p.At, fix, "unknown key %q %s", p.Key, where)
		}
	}
}

// word looks whether a text is one of those that its key takes.
func (d *Decoder) word(path string, n *Node, k Key) {
	words := strings.Split(k.Field.Tag.Get("enum"), ",")
	if words[0] == "" || n.Kind != Text || k.Field.Type.Kind() != reflect.String || slices.Contains(words, n.Text) {
		return
	}
	last, fix := len(words)-1, ""
	if near := Nearest(n.Text, words); near != "" {
		fix = "did you mean " + near + "?"
	}
	d.Refuse(path, n, fix, "%s must be %s or %s", name(path), strings.Join(words[:last], ", "), words[last])
}

// Refuse reports a value that can't be taken.
func (d *Decoder) Refuse(path string, n *Node, fix, format string, args ...any) {
	d.Wrong[path] = true
	d.At(n.At, fix, format, args...)
}

// Want reports whether a node is of a kind, and the mistake if it isn't.
func (d *Decoder) Want(path string, n *Node, k Kind) bool {
	if n.Kind != k {
		d.Refuse(path, n, insteadOf(n, k), "%s must be %s, got %s", name(path), k, n.Kind)
	}
	return n.Kind == k
}

// Text returns what a text says; "", reported, if the node is none.
func (d *Decoder) Text(path string, n *Node) string {
	if d.Want(path, n, Text) {
		return n.Text
	}
	return ""
}

// insteadOf says how a node is written as another kind; "" if that can't be
// told.
func insteadOf(n *Node, k Kind) string {
	switch {
	case k == Text && (n.Kind == Number || n.Kind == Boolean):
		return "put it in quotes"
	case k == Boolean && n.Kind == Text:
		switch strings.ToLower(n.Text) {
		case "yes", "on", "y", "true":
			return "write true, without quotes"
		case "no", "off", "n", "false":
			return "write false, without quotes"
		}
	case k == Number && n.Kind == Text:
		if _, err := strconv.ParseFloat(n.Text, 64); err == nil {
			return "leave the quotes out"
		}
	case k == List && n.Kind == Section && len(n.Pairs) > 0:
		return "begin each item with a dash, as in - " + n.Pairs[0].Key + ":"
	case k == List && n.Kind == Text && !strings.ContainsAny(n.Text, " ,[]{}"):
		return "write [" + n.Text + "]"
	}
	return ""
}

// Has reports whether a key was written, with a value.
func (d *Decoder) Has(path string) bool {
	n := d.Nodes[path]
	return n != nil && n.Kind != Nothing
}

// Where is where the value at a path stands, or else the nearest section around
// it.
func (d *Decoder) Where(path string) Position {
	for {
		if n := d.Nodes[path]; n != nil {
			return n.At
		}
		if path == "" {
			return From("")
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
}

// Key is a key that a struct is read from.
type Key struct {
	Name  string
	Field reflect.StructField
}

// KeysOf lists the keys of a struct by its yaml tags, those of embedded structs
// among them.
func KeysOf(t reflect.Type) []Key {
	var keys []Key
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if tag != "" && tag != "-" && f.IsExported() {
			keys = append(keys, Key{tag, f})
		}
	}
	return keys
}

// Join is the path of a key in a section.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Item is the path of an item of a list, counted from 0.
func Item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// name is a path in a message.
func name(path string) string { return cmp.Or(path, "it") }
