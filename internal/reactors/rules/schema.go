package rules

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

type (
	schema  = strictyaml.Schema
	schemer = strictyaml.Schemer
)

// JSONSchema describes the file for editors: the keys as they are decoded, and
// the parameters of these actions.
func JSONSchema(actions []reactors.Action) []byte {
	inside := func(pattern string) string { return strings.Trim(pattern, "^$") }
	forms := strings.NewReplacer("{space}", inside(events.SpacePattern), "{user}", inside(events.UserPattern))
	s := &schemer{Special: special, Forms: forms}
	top := s.Of(reflect.TypeFor[fileKeys]())
	top["$schema"] = "http://json-schema.org/draft-07/schema#"
	top["title"] = "Spacekeeper's reactors"
	top["definitions"] = schema{"do": describeDo(s, actions)}
	raw, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		panic(err) // maps, lists and words always encode
	}
	return append(raw, '\n')
}

func special(t reflect.Type) schema {
	switch t {
	case reflect.TypeFor[reactors.ChatText](), reflect.TypeFor[reactors.PlainText]():
		return schema{"type": "string"}
	case reflect.TypeFor[reactors.Card]():
		return schema{"type": []string{"string", "array", "object"}}
	}
	return nil
}

// describeDo describes one action of a list.
func describeDo(s *schemer, actions []reactors.Action) schema {
	byName := schema{}
	for _, a := range actions {
		one := s.Of(reflect.TypeOf(a.Params()).Elem())
		if keys, ok := one["properties"].(schema); ok {
			keys["id"] = schema{
				"type": "string", "pattern": labels.String(),
				"description": "By which other actions of the reactor refer to this one.",
			}
		}
		if one["required"] == nil && one["anyOf"] == nil {
			one["type"] = []string{"object", "null"}
		}
		byName[a.Name()] = one
	}
	return schema{
		"type": "object", "properties": byName, "additionalProperties": false,
		"minProperties": 1, "maxProperties": 1,
	}
}

// together describes which keys of a rule go together, and with which triggers.
func together() []any {
	one := func(key string, is schema) schema {
		return schema{"type": "object", "required": []string{key}, "properties": schema{key: is}}
	}
	on := func(unwanted func(reactors.Trigger) bool) schema {
		words := strictyaml.Words(slices.DeleteFunc(reactors.Triggers(), unwanted))
		return one("on", schema{"anyOf": []any{words, schema{"type": "array", "contains": words}}})
	}
	none := func(of ...any) schema { return schema{"not": schema{"anyOf": of}} }
	when := func(it, then schema) schema { return schema{"if": it, "then": then} }
	written := strictyaml.Written
	is := func(t reactors.Trigger) schema { return on(func(other reactors.Trigger) bool { return other != t }) }
	isnt := func(t reactors.Trigger) schema { return on(func(other reactors.Trigger) bool { return other == t }) }
	lacking := func(variable string) schema {
		return on(func(t reactors.Trigger) bool { return slices.Contains(expr.Variables(t), variable) })
	}
	all := []any{
		when(is(reactors.Schedule), written("cron", "zone")),
		when(is(reactors.Schedule), none(isnt(reactors.Schedule))),
		when(isnt(reactors.Schedule), none(written("cron"), written("zone"))),
		when(is(reactors.MemberLeft), none(one("stay", schema{"const": true}))),
		when(written("sequence"), none(written("wait"), written("until"), written("collapse"))),
		when(written("stop_when"), written("sequence")),

		when(written("until"), written("wait")),
		when(written("until"), none(written("collapse"))),
		when(written("collapse"), none(on(func(t reactors.Trigger) bool { return strings.HasPrefix(string(t), "member.") }))),
		when(one("limit", written("per_app")), one("bots", schema{"const": true})),
	}
	for _, v := range []string{"space", "member", "message"} {
		list := schema{"type": "array", "contains": schema{"const": v}}
		all = append(all, when(lacking(v), none(one("once_per", list), one("once_per", one("keys", list)), one("limit", written("per_"+v)))))
	}
	return all
}
