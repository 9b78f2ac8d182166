package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// Options are what a file is checked against.
type Options struct {
	Actions  []reactors.Action
	ReadFile func(name string) ([]byte, error) // for card files, relative to the rule file; nil: there are none
}

// Set is a whole file of rules.
type Set struct {
	Hash string // of its rules and overrides: changes whenever a rule's does

	entries   []*entry
	byID      map[string]*entry
	byTrigger map[reactors.Trigger]*waiting
	tests     []Test
}

// entry is a rule and what becomes of it in single spaces.
type entry struct {
	rule    *Rule
	bySpace map[string]*Rule
}

func (e *entry) in(space string) *Rule {
	if r, ok := e.bySpace[space]; ok {
		return r
	}
	return e.rule
}

// Load reads a file of rules. Card files are looked for beside it, unless the
// options say how. Without a file there are no rules.
func Load(path string, o Options) (*Set, error) {
	if path == "" {
		return &Set{}, nil
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if o.ReadFile == nil {
		dir := filepath.Dir(path)
		o.ReadFile = func(name string) ([]byte, error) {
			if !filepath.IsLocal(name) {
				return nil, errors.New("a card must lie below the rules")
			}
			return os.ReadFile(filepath.Join(dir, name))
		}
	}
	return Parse(path, src, o)
}

// Parse reads rules; the name is for messages. An error about what they say is
// an [*Error].
func Parse(name string, src []byte, o Options) (*Set, error) {
	env, err := expr.NewEnv()
	if err != nil {
		return nil, fmt.Errorf("prepare the language of conditions: %w", err)
	}
	if o.ReadFile == nil {
		o.ReadFile = func(string) ([]byte, error) { return nil, os.ErrNotExist }
	}
	c := &compiler{
		problems: &problems{},
		opts:     o,
		actions:  map[string]reactors.Action{},
		env:      env,
		cards:    &cards{readFile: o.ReadFile, raw: map[string][]byte{}, trees: map[string]*node{}},
	}
	for _, a := range o.Actions {
		c.actions[a.Name()] = a
	}
	s := c.file(newSource(name, src), src)
	if err := c.err(); err != nil {
		return nil, err
	}
	s.index()
	return s, nil
}

// file compiles all that a file holds; what it returns is whole only if there
// was no problem.
func (c *compiler) file(src *source, raw []byte) *Set {
	s := &Set{byID: map[string]*entry{}}
	var keys fileKeys
	top := c.tree(src, raw)
	if len(c.list) == 0 {
		c.begins(src, top)
	}
	if top == nil || len(c.list) > 0 && top.kind != section {
		return s
	}
	d := &decoder{problems: c.problems, nodes: map[string]*node{}, cards: c.cards}
	d.decode("", top, reflect.ValueOf(&keys).Elem())
	written := map[string]*node{}
	for i, k := range keys.Reactors {
		if k.node == nil {
			c.at(d.where(index("reactors", i)), "", "reactors[%d] is empty", i)
			continue
		}
		r := c.compile(k.node)
		id := ""
		if n := k.node.child("id"); n != nil {
			id = n.text
		}
		if first := written[id]; first != nil && id != "" {
			c.at(k.node.child("id").at, "", "another reactor has the id %q, in line %d", id, first.at.line)
			continue
		}
		written[id] = k.node
		if r != nil {
			e := &entry{rule: r, bySpace: map[string]*Rule{}}
			s.entries = append(s.entries, e)
			s.byID[id] = e
		}
	}
	c.overrides(s, keys.Overrides.node, written)
	s.tests = c.tests(d, keys.Tests, s, slices.Sorted(maps.Keys(written)))
	s.hash()
	return s
}

// begins finds a file in which nothing is said of rules. It must not replace
// those from before: it may be one that is being written just now.
func (c *compiler) begins(src *source, top *node) {
	switch {
	case top == nil || top.kind == nothing:
		c.at(position{src, 1, 1}, "write reactors: [] if there are to be none", "there are no rules in it")
	case top.kind == list:
		c.at(top.at, "write reactors: above it", "rules stand below reactors")
	case top.kind == section && !slices.ContainsFunc(top.pairs, func(p pair) bool { return p.key != "overrides" && p.key != "tests" }):
		c.at(top.at, "write reactors: [] if there are to be none", "there are no rules in it")
	case top.kind == section:
		if n := top.child("reactors"); n != nil && n.kind == nothing {
			c.at(n.at, "write reactors: [] if there are to be none", "reactors is empty")
		}
	}
}

func (s *Set) hash() {
	sum := sha256.New()
	for _, e := range s.entries {
		fmt.Fprintln(sum, e.rule.ID, e.rule.Hash)
		for _, space := range slices.Sorted(maps.Keys(e.bySpace)) {
			fmt.Fprintln(sum, space, e.bySpace[space].Hash)
		}
	}
	s.Hash = hex.EncodeToString(sum.Sum(nil))[:12]
}

// Rule returns a rule as it is in a space; nil if there is none.
func (s *Set) Rule(id, space string) *Rule {
	if e := s.byID[id]; e != nil {
		return e.in(space)
	}
	return nil
}

// Rules lists the rules in the order of the file, without overrides.
func (s *Set) Rules() []*Rule {
	list := make([]*Rule, len(s.entries))
	for i, e := range s.entries {
		list[i] = e.rule
	}
	return list
}

// Spaces lists the spaces that rules name, or that override one.
func (s *Set) Spaces() []string {
	named := map[string]bool{}
	for _, e := range s.entries {
		for space, r := range e.bySpace {
			named[space] = true
			for _, space := range slices.Concat(r.Include, r.Except) {
				named[space] = true
			}
		}
		for _, space := range slices.Concat(e.rule.Include, e.rule.Except) {
			named[space] = true
		}
	}
	return slices.Sorted(maps.Keys(named))
}

// Tests lists the file's own tests.
func (s *Set) Tests() []Test { return slices.Clone(s.tests) }
