package rules

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// eachText calls f with every text of an action's parameters: a pointer to a
// ChatText, PlainText or Card, and its path below the one given.
func eachText(path string, v reflect.Value, f func(path string, text any)) {
	switch p := v.Addr().Interface().(type) {
	case *reactors.ChatText, *reactors.PlainText, *reactors.Card:
		f(path, p)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, k := range keysOf(v.Type()) {
			if field, err := v.FieldByIndexErr(k.field); err == nil {
				eachText(join(path, k.name), field, f)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(path, v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(index(path, i), v.Index(i), f)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(iter.Value())
			eachText(join(path, iter.Key().String()), value, f)
			v.SetMapIndex(iter.Key(), value)
		}
	}
}

// clone copies parameters as deep as texts may be in them.
func clone(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Kind() {
	case reflect.Struct:
		for _, k := range keysOf(v.Type()) {
			if field, err := v.FieldByIndexErr(k.field); err == nil {
				c.FieldByIndex(k.field).Set(clone(field))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			c.Set(reflect.New(v.Type().Elem()))
			c.Elem().Set(clone(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				c.Index(i).Set(clone(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			c.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for iter := v.MapRange(); iter.Next(); {
				c.SetMapIndex(iter.Key(), clone(iter.Value()))
			}
		}
	}
	return c
}

// texts compiles what has placeholders in an action's parameters, which were
// read from the node at base.
func (d *decoder) texts(base string, params any, env *expr.Env) map[string]*expr.Template {
	found := map[string]*expr.Template{}
	below := func(path string) string { return strings.TrimPrefix(path, base+".") }
	eachText(base, reflect.ValueOf(params).Elem(), func(path string, t any) {
		n := d.nodes[path]
		if n == nil || n.kind == nothing {
			return
		}
		switch t.(type) {
		case *reactors.ChatText:
			d.template(path, n, env.Chat, func(t *expr.Template) { found[below(path)] = t })
		case *reactors.PlainText:
			d.template(path, n, env.Plain, func(t *expr.Template) { found[below(path)] = t })
		case *reactors.Card:
			d.card(path, "", n, env, func(at string, t *expr.Template) { found[below(at)] = t })
		}
	})
	return found
}

func (d *decoder) template(path string, n *node, compile func(string) (*expr.Template, error), keep func(*expr.Template)) {
	if n.kind != text {
		return // reported
	}
	t, err := compile(n.text)
	if err != nil {
		d.inside(path, n, err)
		return
	}
	keep(t)
}

// card compiles the texts of a card. What follows a link is taken by machines:
// it is not for placeholders, which people's names could bend.
func (d *decoder) card(path, key string, n *node, env *expr.Env, keep func(string, *expr.Template)) {
	switch n.kind {
	case section:
		for _, p := range n.pairs {
			d.card(join(path, p.key), p.key, p.value, env, keep)
		}
	case list:
		for i, item := range n.items {
			d.card(index(path, i), key, item, env, keep)
		}
	case text:
		if !strings.Contains(n.text, "{{") {
			return
		}
		if strings.HasSuffix(strings.ToLower(key), "url") {
			d.at(n.inside(strings.Index(n.text, "{{")), "", "%s: a link in a card can't hold placeholders", path)
			return
		}
		d.template(path, n, env.CardText, func(t *expr.Template) { keep(path, t) })
	}
}

// inside reports what is wrong with an expression or a text, below the place.
func (d *decoder) inside(path string, n *node, err error) {
	var e *expr.Error
	if !errors.As(err, &e) {
		d.at(n.at, "", "%s: %v", path, err)
		return
	}
	d.at(n.inside(e.Offset), e.Hint, "%s: %s", path, e.Message)
}

// fill renders a card's texts into a copy of its source.
func fill(path string, source any, render func(path, s string) (string, error)) (any, error) {
	var err error
	switch v := source.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			if m[key], err = fill(join(path, key), value, render); err != nil {
				return nil, err
			}
		}
		return m, nil
	case []any:
		l := make([]any, len(v))
		for i, value := range v {
			if l[i], err = fill(index(path, i), value, render); err != nil {
				return nil, err
			}
		}
		return l, nil
	case string:
		return render(path, v)
	}
	return source, nil
}

// marshal writes a card without the escapes that are for web pages.
func marshal(v any) (json.RawMessage, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n")), nil
}
