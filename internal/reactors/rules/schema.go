package rules

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// JSONSchema describes the file for editors: the keys as they are decoded, and
// the parameters of these actions.
func JSONSchema(actions []reactors.Action) []byte {
	s := &schemer{list: actions}
	top := s.of(reflect.TypeFor[fileKeys]())
	top["$schema"] = "http://json-schema.org/draft-07/schema#"
	top["title"] = "Spacekeeper's reactors"
	top["definitions"] = map[string]any{"do": s.do()}
	raw, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		panic(err) // maps, lists and words always encode
	}
	return append(raw, '\n')
}

// schematic is a type that says what it accepts.
type schematic interface {
	schema(s *schemer) map[string]any
}

// schemer describes types.
type schemer struct{ list []reactors.Action }

const (
	duration        = `((([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|min|h|d|w))+)`
	durationPattern = `^[+]?(0|` + duration + `)$`
)

func (s *schemer) of(t reflect.Type) map[string]any {
	if o, ok := reflect.New(t).Interface().(schematic); ok {
		return o.schema(s)
	}
	switch t {
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"oneOf": []any{
			map[string]any{"type": "string", "pattern": durationPattern}, map[string]any{"const": 0},
		}}
	case reflect.TypeFor[reactors.ChatText](), reflect.TypeFor[reactors.PlainText]():
		return map[string]any{"type": "string"}
	case reflect.TypeFor[reactors.Card]():
		return map[string]any{"type": []string{"string", "array", "object"}}
	}
	switch t.Kind() {
	case reflect.Struct:
		return s.section(t)
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Interface:
		return map[string]any{}
	}
	return map[string]any{"type": "string"}
}

func (s *schemer) section(t reflect.Type) map[string]any {
	keys, required := map[string]any{}, []string{}
	for _, k := range strictyaml.KeysOf(t) {
		one := s.of(k.Field.Type)
		if k.Field.Tag.Get("empty") == "no" {
			one["minItems"] = 1
		}
		if enum := k.Field.Tag.Get("enum"); enum != "" {
			words := wordsOf(strings.Split(enum, ","))
			if k.Field.Type.Kind() == reflect.Slice {
				one["items"], one["uniqueItems"] = words, true
			} else {
				one = words
			}
		}
		if doc := k.Field.Tag.Get("doc"); doc != "" {
			one["description"] = doc
		}
		if k.Field.Tag.Get("required") == "true" {
			required = append(required, k.Name)
		} else {
			one = orNothing(one)
		}
		keys[k.Name] = one
	}
	section := map[string]any{"type": "object", "properties": keys, "additionalProperties": false}
	if len(required) > 0 {
		section["required"] = required
	}
	return section
}

// orNothing describes a key that may as well stand there without a value.
func orNothing(one map[string]any) map[string]any {
	nothing := map[string]any{"type": "null"}
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

// wordsOf describes one of some words.
func wordsOf(words []string) map[string]any {
	enum := make([]any, len(words))
	for i, w := range words {
		enum[i] = w
	}
	return map[string]any{"enum": enum}
}

func (s *schemer) actions() map[string]any { return map[string]any{"$ref": "#/definitions/do"} }

// do describes one action of a list.
func (s *schemer) do() map[string]any {
	byName := map[string]any{}
	for _, a := range s.list {
		one := s.of(reflect.TypeOf(a.Params()).Elem())
		if keys, ok := one["properties"].(map[string]any); ok {
			keys["id"] = map[string]any{
				"type": "string", "pattern": labels.String(),
				"description": "By which other actions of the reactor refer to this one.",
			}
		}
		one["type"] = []string{"object", "null"}
		byName[a.Name()] = one
	}
	return map[string]any{
		"type": "object", "properties": byName, "additionalProperties": false,
		"minProperties": 1, "maxProperties": 1,
	}
}
