package strictyaml

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schema is a JSON schema of draft 7, or a part of one.
type Schema = map[string]any

// Schematic is a type that says what it accepts.
type Schematic interface {
	Schema(s *Schemer) Schema
}

// Schemer describes types to editors, by the tags that a [Decoder] reads: required,
// enum and empty, and pattern, min and or, which the type's own checks have to keep to.
type Schemer struct {
	// Special describes the caller's own types; nil if a type isn't one.
	Special func(reflect.Type) Schema
	// Forms puts what a pattern names in braces into it.
	Forms *strings.Replacer
}

const (
	number = `([0-9]+\.?[0-9]*|\.[0-9]+)`
	unit   = `(ns|us|µs|μs|ms|s|m|min|h|d|w)`
)

// DurationPattern is what [ParseDuration] takes, without a minus.
const DurationPattern = `[+]?(0|(` + number + unit + `)+)`

// Of describes a type.
func (s *Schemer) Of(t reflect.Type) Schema {
	if one := s.Special(t); one != nil {
		return one
	}
	if o, ok := reflect.New(t).Interface().(Schematic); ok {
		return o.Schema(s)
	}
	if t == reflect.TypeFor[time.Duration]() {
		return Schema{"oneOf": []any{Schema{"type": "string", "pattern": "^" + DurationPattern + "$"}, Schema{"const": 0}}}
	}
	switch t.Kind() {
	case reflect.Struct:
		return s.Section(t)
	case reflect.Pointer:
		return s.Of(t.Elem())
	case reflect.Slice:
		return Schema{"type": "array", "items": s.Of(t.Elem())}
	case reflect.Map:
		return Schema{"type": "object", "additionalProperties": s.Of(t.Elem())}
	case reflect.Bool:
		return Schema{"type": "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Schema{"type": "integer"}
	case reflect.Float32, reflect.Float64:
		return Schema{"type": "number"}
	case reflect.Interface:
		return Schema{}
	}
	return Schema{"type": "string"}
}

// Section describes a struct by its keys, whatever it says of itself.
func (s *Schemer) Section(t reflect.Type) Schema {
	keys, required, either := Schema{}, []string{}, []any{}
	for _, k := range KeysOf(t) {
		tag := k.Field.Tag.Get
		one := s.Of(k.Field.Type)
		if tag("empty") == "no" {
			one["minItems"] = 1
		}
		if pattern := tag("pattern"); pattern != "" {
			one["pattern"] = s.Forms.Replace(pattern)
		}
		if least, err := strconv.Atoi(tag("min")); err == nil {
			one["minimum"] = least
		}
		if enum := tag("enum"); enum != "" {
			words := Words(strings.Split(enum, ","))
			if k.Field.Type.Kind() == reflect.Slice {
				one["items"], one["uniqueItems"] = words, true
			} else {
				one = words
			}
		}
		if doc := tag("doc"); doc != "" {
			one["description"] = doc
		}
		if other := tag("or"); other != "" {
			for _, key := range []string{k.Name, other} {
				either = append(either, Schema{"required": []string{key}, "properties": Schema{key: Schema{"not": Words([]any{nil, ""})}}})
			}
		}
		if tag("required") == "true" {
			required = append(required, k.Name)
		} else {
			one = OrNothing(one)
		}
		keys[k.Name] = one
	}
	section := Schema{"type": "object", "properties": keys, "additionalProperties": false}
	if len(required) > 0 {
		section["required"] = required
	}
	if len(either) > 0 {
		section["anyOf"] = either
	}
	return section
}

// Written describes a section in which keys have a value.
func Written(keys ...string) Schema {
	some := Schema{}
	for _, k := range keys {
		some[k] = Schema{"not": Schema{"type": "null"}}
	}
	return Schema{"type": "object", "required": keys, "properties": some}
}

// OrNothing describes a key that may as well stand there without a value.
func OrNothing(one Schema) Schema {
	nothing := Schema{"type": "null"}
	switch {
	case one["enum"] != nil:
		one["enum"] = append(slices.Clone(one["enum"].([]any)), nil)
	case one["oneOf"] != nil:
		one["oneOf"] = append(slices.Clone(one["oneOf"].([]any)), nothing)
	case one["type"] != nil:
		types, several := one["type"].([]string)
		if !several {
			types = []string{one["type"].(string)}
		}
		one["type"] = append(slices.Clone(types), "null")
	}
	return one
}

// Words describes one of some words.
func Words[T any](words []T) Schema {
	enum := make([]any, len(words))
	for i, w := range words {
		enum[i] = w
	}
	return Schema{"enum": enum}
}
