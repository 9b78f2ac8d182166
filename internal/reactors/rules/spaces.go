package rules

import (
	"reflect"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// spacesKeys is a list of spaces, or which to include and which not.
type spacesKeys struct {
	Include []string `yaml:"include" empty:"no" doc:"Only in these."`
	Except  []string `yaml:"except" doc:"Not in these."`
	Match   string   `yaml:"match" pattern:"\\S" doc:"A CEL condition on space, asked when the run is due."`
}

// spacesSection is what is written as a section.
type spacesSection spacesKeys

func (k *spacesKeys) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	inside := path
	switch n.Kind {
	case strictyaml.List:
		d.Decode(path, n, &k.Include)
	case strictyaml.Section:
		d.Decode(path, n, (*spacesSection)(k))
		inside = strictyaml.Join(path, "include")
	default:
		d.At(n.At, `for example ["spaces/AAQAtX4kZ1c"] or {except: ["spaces/AAQAtX4kZ1c"]}`,
			"%s must be a list of spaces or a section, got %s", path, n.Kind)
	}
	if n := d.Nodes[inside]; n != nil && n.Kind == strictyaml.List && len(n.Items) == 0 {
		d.At(n.At, "leave it out for everywhere; mode: off is for nowhere", "%s is empty", inside)
	}
	k.check(d, inside, k.Include)
	k.check(d, strictyaml.Join(path, "except"), k.Except)
	included := setOf(k.Include)
	for i, e := range k.Except {
		if included[e] {
			d.At(d.Where(strictyaml.Item(strictyaml.Join(path, "except"), i)), "", "%s is both included and excepted", e)
		}
	}
}

func setOf(spaces []string) map[string]bool {
	set := make(map[string]bool, len(spaces))
	for _, s := range spaces {
		set[s] = true
	}
	return set
}

func (*spacesKeys) check(d *strictyaml.Decoder, path string, spaces []string) {
	listed := map[string]bool{}
	for i, s := range spaces {
		switch {
		case s == "" && d.Wrong[strictyaml.Item(path, i)]: // reported as not being text
		case !events.IsWrittenSpace(s):
			d.At(d.Where(strictyaml.Item(path, i)), "write it as spaces/AAQAtX4kZ1c; the id is in the space's address", "%q is not the name of a space", s)
		case listed[s]:
			d.At(d.Where(strictyaml.Item(path, i)), "", "%s is listed twice", s)
		}
		listed[s] = true
	}
}

func (*spacesKeys) Schema(s *schemer) schema {
	section := s.Section(reflect.TypeFor[spacesSection]())
	name := schema{"type": "string", "pattern": events.SpacePattern}
	list := schema{"type": "array", "items": name, "minItems": 1, "uniqueItems": true}
	for _, key := range []string{"include", "except"} {
		section["properties"].(schema)[key].(schema)["items"] = name
		section["properties"].(schema)[key].(schema)["uniqueItems"] = true
	}
	return schema{"oneOf": []any{list, section}}
}
