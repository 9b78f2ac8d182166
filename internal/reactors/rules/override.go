package rules

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// fixed are the keys of a rule that are the same in all spaces.
func fixed() []string { return []string{"id", "on", "cron", "zone", "spaces"} }

// overrides compiles each overridden rule anew, merged.
func (c *compiler) overrides(s *Set, top *node, written map[string]*node) {
	if top == nil || top.kind == nothing {
		return
	}
	if top.kind != section {
		c.at(top.at, `write {"spaces/AAQAtX4kZ1c": {welcome: {mode: live}}}`, "overrides must be a section, got %s", top.kind)
		return
	}
	for _, space := range top.pairs {
		if !spaceNames.MatchString(space.key) {
			c.at(space.at, "write it as spaces/AAQAtX4kZ1c; the id is in the space's address", "%q is not the name of a space", space.key)
			continue
		}
		if space.value.kind != section {
			c.at(space.value.at, "", "overrides of a space must be a section of reactors, got %s", space.value.kind)
			continue
		}
		for _, p := range space.value.pairs {
			base := written[p.key]
			if base == nil {
				c.at(p.at, suggest(p.key, slices.Sorted(maps.Keys(written))), "there is no reactor %q", p.key)
				continue
			}
			if e := s.byID[p.key]; e != nil { // else the rule itself is to be mended first
				c.override(e, space, p, base)
			}
		}
	}
}

func (c *compiler) override(e *entry, space, p pair, base *node) {
	if p.value.kind != section {
		c.at(p.value.at, "", "an override must be a section with keys of the reactor, got %s", p.value.kind)
		return
	}
	if in := e.rule.Include; slices.Contains(e.rule.Except, space.key) || len(in) > 0 && !slices.Contains(in, space.key) {
		c.at(p.at, "", "%s doesn't apply in %s: its spaces say so", p.key, space.key)
		return
	}
	merged, ok := base, true
	for _, key := range p.value.pairs {
		path := splitPath(key.key)
		if len(path) > 0 && slices.Contains(fixed(), path[0]) {
			c.at(key.at, "write a reactor of its own", "%s is the same in all spaces", path[0])
			ok = false
			continue
		}
		n, reached := merged.set(path, key)
		if reached == "" {
			merged = n
			continue
		}
		c.at(key.at, "", "%s has no %s", p.key, reached)
		ok = false
	}
	if !ok {
		return
	}
	if r := c.compile(merged); r != nil {
		e.bySpace[space.key] = r
	}
}

// splitPath takes "do[0].send.text" apart: do, [0], send, text.
func splitPath(s string) []string {
	var path []string
	for _, part := range strings.Split(s, ".") {
		for i, p := range strings.Split(part, "[") {
			if i > 0 {
				p = "[" + p
			}
			path = append(path, p)
		}
	}
	return path
}

// set is the node with the value of a pair merged in at a path. If the path
// leads nowhere, it returns how far it got.
func (n *node) set(path []string, p pair) (_ *node, reached string) {
	if len(path) == 0 {
		return n.merge(p.value), ""
	}
	c := *n
	if i, ok := strings.CutPrefix(path[0], "["); ok {
		at, err := strconv.Atoi(strings.TrimSuffix(i, "]"))
		if err != nil || !strings.HasSuffix(i, "]") || n.kind != list || at < 0 || at >= len(n.items) {
			return nil, path[0]
		}
		item, reached := n.items[at].set(path[1:], p)
		if reached != "" {
			return nil, path[0] + after(reached)
		}
		c.items = slices.Clone(n.items)
		c.items[at] = item
		return &c, ""
	}
	if path[0] == "" || n.kind != section && n.kind != nothing {
		return nil, strings.Join(path, ".")
	}
	c.kind, c.pairs = section, slices.Clone(n.pairs)
	for i, have := range c.pairs {
		if have.key != path[0] {
			continue
		}
		value, reached := have.value.set(path[1:], p)
		if reached != "" {
			return nil, path[0] + after(reached)
		}
		c.pairs[i].value = value
		if len(path) == 1 {
			c.pairs[i].at = p.at
		}
		return &c, ""
	}
	value, reached := (&node{kind: nothing, at: p.at}).set(path[1:], p)
	if reached != "" {
		return nil, path[0] + after(reached)
	}
	c.pairs = append(c.pairs, pair{path[0], p.at, value})
	return &c, ""
}

// after is a rest of a path as it follows a key.
func after(rest string) string {
	if strings.HasPrefix(rest, "[") {
		return rest
	}
	return "." + rest
}

// merge lays a value over a node: sections are merged, all else is replaced.
func (n *node) merge(over *node) *node {
	if n.kind != section || over.kind != section {
		return over
	}
	c := *n
	c.pairs = slices.Clone(n.pairs)
	for _, p := range over.pairs {
		i := slices.IndexFunc(c.pairs, func(have pair) bool { return have.key == p.key })
		if i < 0 {
			c.pairs = append(c.pairs, p)
			continue
		}
		c.pairs[i] = pair{p.key, p.at, c.pairs[i].value.merge(p.value)}
	}
	return &c
}
