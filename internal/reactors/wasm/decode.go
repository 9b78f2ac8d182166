package wasm

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// mentionForm is what Chat could take for a mention.
var mentionForm = regexp.MustCompile(`(?i)<\s*(users/[^>|]*)`)

// decoder reads JSON into actions' parameters by their yaml tags, as a rule's
// are read from YAML. Its errors name keys that exist, and quote nothing.
type decoder struct {
	people []string // who may be mentioned
}

// decode reads the parameters of an action.
func decode(raw json.RawMessage, params any, people []string) error {
	var plain any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&plain); err != nil {
		return errors.New("they aren't JSON")
	}
	if _, ok := plain.(map[string]any); !ok {
		return errors.New("they aren't an object")
	}
	return decoder{people}.value("", plain, reflect.ValueOf(params).Elem())
}

// value reads into v. Null is as good as not set.
func (d decoder) value(path string, from any, v reflect.Value) error {
	if from == nil {
		return nil
	}
	switch p := v.Addr().Interface().(type) {
	case *reactors.ChatText:
		err := set(path, from, &p.Value)
		p.Source = p.Value
		for _, m := range mentionForm.FindAllStringSubmatch(p.Value, -1) {
			if !slices.Contains(d.people, m[1]) {
				return fmt.Errorf("%s mentions somebody who isn't in the facts", path)
			}
		}
		return err
	case *reactors.PlainText:
		err := set(path, from, &p.Value)
		p.Source = p.Value
		return err
	case *reactors.Card:
		value, err := json.Marshal(from)
		if err != nil {
			return fmt.Errorf("%s can't be written again", path)
		}
		p.Value = value
		return json.Unmarshal(value, &p.Source)
	case *time.Duration:
		return parse(path, from, func(s string) (err error) { *p, err = time.ParseDuration(s); return err })
	case encoding.TextUnmarshaler:
		return parse(path, from, func(s string) error { return p.UnmarshalText([]byte(s)) })
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.object(path, from, v)
	case reflect.Slice:
		return d.list(path, from, v)
	case reflect.Map:
		return d.dictionary(path, from, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(path, from, v.Elem())
	case reflect.Interface:
		v.Set(reflect.ValueOf(from))
		return nil
	}
	return scalar(path, from, v)
}

func (d decoder) object(path string, from any, v reflect.Value) error {
	fields, ok := from.(map[string]any)
	if !ok {
		return wrong(path, "an object")
	}
	known := map[string][]int{}
	for _, f := range reflect.VisibleFields(v.Type()) {
		if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag != "" && tag != "-" && f.IsExported() {
			known[tag] = f.Index
		}
	}
	for key, value := range fields {
		at, ok := known[key]
		if !ok {
			return errors.New("there is an unknown key in " + cmp.Or(path, "them"))
		}
		if err := d.value(below(path, key), value, v.FieldByIndex(at)); err != nil {
			return err
		}
	}
	return nil
}

func (d decoder) list(path string, from any, v reflect.Value) error {
	items, ok := from.([]any)
	if !ok {
		return wrong(path, "a list")
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if err := d.value(path+"["+strconv.Itoa(i)+"]", item, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (d decoder) dictionary(path string, from any, v reflect.Value) error {
	entries, ok := from.(map[string]any)
	if !ok {
		return wrong(path, "an object")
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(entries)))
	for key, value := range entries {
		entry := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(path, value, entry); err != nil { // a key may be anything: it isn't named
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), entry)
	}
	return nil
}

// scalar reads what has no parts.
func scalar(path string, from any, v reflect.Value) error {
	number, _ := from.(json.Number)
	switch {
	case v.Kind() == reflect.String:
		var s string
		err := set(path, from, &s)
		v.SetString(s)
		return err
	case v.Kind() == reflect.Bool:
		b, ok := from.(bool)
		if !ok {
			return wrong(path, "true or false")
		}
		v.SetBool(b)
		return nil
	case v.CanInt():
		if n, err := number.Int64(); err == nil && !v.OverflowInt(n) {
			v.SetInt(n)
			return nil
		}
	case v.CanUint():
		if n, err := strconv.ParseUint(number.String(), 10, 64); err == nil && !v.OverflowUint(n) {
			v.SetUint(n)
			return nil
		}
	case v.CanFloat():
		if n, err := number.Float64(); err == nil {
			v.SetFloat(n)
			return nil
		}
	}
	return wrong(path, "a number that fits")
}

func set(path string, from any, to *string) error {
	s, ok := from.(string)
	if !ok {
		return wrong(path, "a string")
	}
	*to = s
	return nil
}

func parse(path string, from any, read func(string) error) error {
	var s string
	if err := set(path, from, &s); err != nil {
		return err
	}
	if read(s) != nil { // its error may quote it
		return fmt.Errorf("%s can't be read", path)
	}
	return nil
}

func wrong(path, want string) error { return fmt.Errorf("%s isn't %s", path, want) }

func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
