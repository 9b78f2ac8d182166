package strictyaml

import (
	"slices"
	"strconv"
	"strings"
)

// Without returns the section less a key.
func (n *Node) Without(key string) *Node {
	c := *n
	c.Pairs = slices.DeleteFunc(slices.Clone(n.Pairs), func(p Pair) bool { return p.Key == key })
	return &c
}

// SplitPath takes "do[0].send.text" apart: do, [0], send, text.
func SplitPath(s string) []string {
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

// Set returns the node with the value of a pair merged in at a path. If the path
// leads nowhere, it returns how far it got.
func (n *Node) Set(path []string, p Pair) (_ *Node, reached string) {
	if len(path) == 0 {
		return n.Merge(p.Value), ""
	}
	c := *n
	if i, ok := strings.CutPrefix(path[0], "["); ok {
		at, err := strconv.Atoi(strings.TrimSuffix(i, "]"))
		if err != nil || !strings.HasSuffix(i, "]") || n.Kind != List || at < 0 || at >= len(n.Items) {
			return nil, path[0]
		}
		item, reached := n.Items[at].Set(path[1:], p)
		if reached != "" {
			return nil, path[0] + after(reached)
		}
		c.Items = slices.Clone(n.Items)
		c.Items[at] = item
		return &c, ""
	}
	if path[0] == "" || n.Kind != Section && n.Kind != Nothing {
		return nil, strings.Join(path, ".")
	}
	c.Kind, c.Pairs = Section, slices.Clone(n.Pairs)
	for i, have := range c.Pairs {
		if have.Key != path[0] {
			continue
		}
		value, reached := have.Value.Set(path[1:], p)
		if reached != "" {
			return nil, path[0] + after(reached)
		}
		c.Pairs[i].Value = value
		if len(path) == 1 {
			c.Pairs[i].At = p.At
		}
		return &c, ""
	}
	value, reached := (&Node{Kind: Nothing, At: p.At}).Set(path[1:], p)
	if reached != "" {
		return nil, path[0] + after(reached)
	}
	c.Pairs = append(c.Pairs, Pair{path[0], p.At, value})
	return &c, ""
}

// after is a rest of a path as it follows a key.
func after(rest string) string {
	if strings.HasPrefix(rest, "[") {
		return rest
	}
	return "." + rest
}

// Merge lays a value over a node: sections are merged, all else is replaced.
func (n *Node) Merge(over *Node) *Node {
	if n.Kind != Section || over.Kind != Section {
		return over
	}
	c := *n
	c.Pairs = slices.Clone(n.Pairs)
	for _, p := range over.Pairs {
		i := slices.IndexFunc(c.Pairs, func(have Pair) bool { return have.Key == p.Key })
		if i < 0 {
			c.Pairs = append(c.Pairs, p)
			continue
		}
		c.Pairs[i] = Pair{p.Key, p.At, c.Pairs[i].Value.Merge(p.Value)}
	}
	return &c
}
