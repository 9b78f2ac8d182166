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
func SplitPath(s string) []string { return strings.Split(strings.ReplaceAll(s, "[", ".["), ".") }

// JoinPath is the reverse of [SplitPath].
func JoinPath(path []string) string { return strings.ReplaceAll(strings.Join(path, "."), ".[", "[") }

// Set returns the node with the value of a pair merged in at a path, and 0; or,
// if the path leads nowhere, how many of its last parts lead nowhere.
func (n *Node) Set(path []string, p Pair) (_ *Node, unreached int) {
	if len(path) == 0 {
		return n.Merge(p.Value), 0
	}
	c := *n
	var at **Node
	if number, ok := strings.CutPrefix(path[0], "["); ok {
		i, err := strconv.Atoi(strings.TrimSuffix(number, "]"))
		if err != nil || !strings.HasSuffix(number, "]") || n.Kind != List || i < 0 || i >= len(n.Items) {
			return nil, len(path)
		}
		c.Items = slices.Clone(n.Items)
		at = &c.Items[i]
	} else {
		if path[0] == "" || n.Kind != Section && n.Kind != Nothing {
			return nil, len(path)
		}
		c.Kind, c.Pairs = Section, slices.Clone(n.Pairs)
		i := c.index(path[0])
		if i < 0 {
			i = len(c.Pairs)
			c.Pairs = append(c.Pairs, Pair{path[0], p.At, &Node{Kind: Nothing, At: p.At}})
		}
		if len(path) == 1 {
			c.Pairs[i].At = p.At
		}
		at = &c.Pairs[i].Value
	}
	*at, unreached = (*at).Set(path[1:], p)
	return &c, unreached
}

// Merge lays a value over a node: sections are merged, all else is replaced.
func (n *Node) Merge(over *Node) *Node {
	if n.Kind != Section || over.Kind != Section {
		return over
	}
	c := *n
	c.Pairs = slices.Clone(n.Pairs)
	for _, p := range over.Pairs {
		i := c.index(p.Key)
		if i < 0 {
			c.Pairs = append(c.Pairs, p)
			continue
		}
		c.Pairs[i] = Pair{p.Key, p.At, c.Pairs[i].Value.Merge(p.Value)}
	}
	return &c
}
