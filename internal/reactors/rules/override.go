package rules

import (
	"maps"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// fixed are the keys of a rule that are the same in all spaces.
func fixed() []string { return []string{"id", "on", "cron", "zone", "spaces"} }

// overrides compiles each overridden rule anew, merged.
func (c *compiler) overrides(s *Set, top *strictyaml.Node, written map[string]*strictyaml.Node) {
	if top == nil || top.Kind == strictyaml.Nothing {
		return
	}
	if top.Kind != strictyaml.Section {
		c.At(top.At, `write {"spaces/AAQAtX4kZ1c": {welcome: {mode: live}}}`, "overrides must be a section, got %s", top.Kind)
		return
	}
	for _, space := range top.Pairs {
		if !events.IsWrittenSpace(space.Key) {
			c.At(space.At, "write it as spaces/AAQAtX4kZ1c; the id is in the space's address", "%q is not the name of a space", space.Key)
			continue
		}
		if space.Value.Kind != strictyaml.Section {
			c.At(space.Value.At, "", "overrides of a space must be a section of reactors, got %s", space.Value.Kind)
			continue
		}
		for _, p := range space.Value.Pairs {
			base := written[p.Key]
			if base == nil {
				c.At(p.At, strictyaml.Suggest(p.Key, slices.Sorted(maps.Keys(written))), "there is no reactor %q", p.Key)
				continue
			}
			if e := s.byID[p.Key]; e != nil { // else the rule itself is to be mended first
				c.override(e, space, p, base)
			}
		}
	}
}

func (c *compiler) override(e *entry, space, p strictyaml.Pair, base *strictyaml.Node) {
	if p.Value.Kind != strictyaml.Section {
		c.At(p.Value.At, "", "an override must be a section with keys of the reactor, got %s", p.Value.Kind)
		return
	}
	if e.rule.excepted[space.Key] || len(e.rule.Include) > 0 && !e.rule.included[space.Key] {
		c.At(p.At, "", "%s doesn't apply in %s: its spaces say so", p.Key, space.Key)
		return
	}
	merged, ok := base, true
	for _, key := range p.Value.Pairs {
		path := strictyaml.SplitPath(key.Key)
		if len(path) > 0 && slices.Contains(fixed(), path[0]) {
			c.At(key.At, "write a reactor of its own", "%s is the same in all spaces", path[0])
			ok = false
			continue
		}
		n, unreached := merged.Set(path, key)
		if unreached > 0 {
			c.At(key.At, "", "%s has no %s", p.Key, strictyaml.JoinPath(path[:len(path)-unreached+1]))
			ok = false
			continue
		}
		merged = n
	}
	if !ok {
		return
	}
	if r := c.compile(merged); r != nil {
		e.bySpace[space.Key] = r
	}
}
