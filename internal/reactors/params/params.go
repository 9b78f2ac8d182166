// Package params finds and copies the texts in an action's parameters, which are
// structs of any shape.
//
// EachText visits those that are there; what Clone returns shares no text with what
// it was made of. The caller gives values that can be set.
package params

import (
	"reflect"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// EachText calls f with every text of an action's parameters: a pointer to a
// ChatText, PlainText or Card, and its path below the one given.
func EachText(path string, v reflect.Value, f func(path string, text any)) {
	switch p := v.Addr().Interface().(type) {
	case *reactors.ChatText, *reactors.PlainText, *reactors.Card:
		f(path, p)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, k := range strictyaml.KeysOf(v.Type()) {
			if field, err := v.FieldByIndexErr(k.Field.Index); err == nil {
				EachText(strictyaml.Join(path, k.Name), field, f)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			EachText(path, v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			EachText(strictyaml.Item(path, i), v.Index(i), f)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(iter.Value())
			EachText(strictyaml.Join(path, iter.Key().String()), value, f)
			v.SetMapIndex(iter.Key(), value)
		}
	}
}

// Clone copies parameters as deep as texts may be in them.
func Clone(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Kind() {
	case reflect.Struct:
		for _, k := range strictyaml.KeysOf(v.Type()) {
			if field, err := v.FieldByIndexErr(k.Field.Index); err == nil {
				c.FieldByIndex(k.Field.Index).Set(Clone(field))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			c.Set(reflect.New(v.Type().Elem()))
			c.Elem().Set(Clone(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				c.Index(i).Set(Clone(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			c.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for iter := v.MapRange(); iter.Next(); {
				c.SetMapIndex(iter.Key(), Clone(iter.Value()))
			}
		}
	}
	return c
}
