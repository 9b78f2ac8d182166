package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/cards"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Error is everything that is wrong with a file of rules.
type Error struct {
	Mistakes []strictyaml.Mistake // in the order of the file
}

func (e *Error) Error() string { return strictyaml.Report(e.Mistakes, "the rules") }

// Options are what a file is checked against.
type Options struct {
	Actions  []reactors.Action
	ReadFile func(name string) ([]byte, error) // for card files, relative to the rule file; nil: there are none

	SpaceNames []string // what known spaces are called, with which conditions are compared; empty: nobody knows
}

// Set is a whole file of rules.
type Set struct {
	Hash string // of its rules and overrides: changes whenever a rule's does
	// Unready is what keeps rules from doing anything for now, such as a module
	// that can't be compiled in time. They stand, and their runs fail.
	Unready []strictyaml.Mistake

	entries []*entry
	byID    map[string]*entry
	people  map[reactors.Trigger]*waiting // what changes meet that people make
	apps    map[reactors.Trigger]*waiting
	until   []*entry // that have until, anywhere
	tests   []Test
	doubts  []strictyaml.Mistake
}

// entry is a rule, and the same rule with the overrides of single spaces.
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
	src, err := readfile.Regular(path, readfile.Text)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if o.ReadFile == nil {
		dir := filepath.Dir(path)
		o.ReadFile = func(name string) ([]byte, error) {
			if !filepath.IsLocal(name) {
				return nil, errors.New("a card must lie below the rules")
			}
			return readfile.Regular(filepath.Join(dir, name), readfile.Text)
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
		Mistakes: &strictyaml.Mistakes{},
		opts:     o,
		actions:  map[string]reactors.Action{},
		env:      env,
		cards:    cards.NewReader(o.ReadFile),
	}
	for _, a := range o.Actions {
		c.actions[a.Name()] = a
	}
	s := c.file(strictyaml.NewSource(name, src))
	if len(c.List) > 0 {
		return nil, &Error{c.Sorted()}
	}
	s.doubts, s.Unready = c.doubts.Sorted(), c.unready.Sorted()
	s.index()
	return s, nil
}

// file compiles a file. The Set is complete only if no mistake was reported.
func (c *compiler) file(src *strictyaml.Source) *Set {
	s := &Set{byID: map[string]*entry{}}
	var keys fileKeys
	top := c.ReadSupported(src)
	if top == nil && len(c.List) > 0 || !c.begins(src, top) {
		return s
	}
	d := c.decoder()
	d.Decode("", top, &keys)
	written := map[string]*strictyaml.Node{}
	for i, k := range keys.Reactors {
		if k.node == nil {
			c.At(d.Where(strictyaml.Item("reactors", i)), "", "reactors[%d] is empty", i)
			continue
		}
		r := c.compile(k.node)
		id := ""
		if n := k.node.Child("id"); n != nil {
			id = n.Text
		}
		if first := written[id]; first != nil && id != "" {
			c.At(k.node.Child("id").At, "", "another reactor has the id %q, in line %d", id, first.At.Line)
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

// begins reports whether a file has rules to read. One in which nothing is said
// of rules must not replace those from before: it may be one that is being
// written just now.
func (c *compiler) begins(src *strictyaml.Source, top *strictyaml.Node) bool {
	const none = "write reactors: [] if there are to be none"
	switch {
	case top == nil || top.Kind == strictyaml.Nothing:
		c.At(src.At(1, 1), none, "there are no rules in it")
	case top.Kind == strictyaml.List:
		c.At(top.At, "write reactors: above it", "rules stand below reactors")
	case top.Kind != strictyaml.Section:
		c.At(top.At, none, "it must be a section, got %s", top.Kind)
	case !slices.ContainsFunc(top.Pairs, func(p strictyaml.Pair) bool { return p.Key != "overrides" && p.Key != "tests" }):
		c.At(top.At, none, "there are no rules in it")
	default:
		switch n := top.Child("reactors"); {
		case n == nil: // its key is a misspelling
			return true
		case n.Kind == strictyaml.Nothing:
			c.At(n.At, none, "reactors is empty")
		case n.Kind == strictyaml.Section:
			c.At(n.At, "begin each with a dash and its id, as in - id: welcome", "reactors must be a list, got a section")
		default:
			return true
		}
	}
	return false
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

// Gone lists the steps of sequences that the next file has no more although it has
// the rule: as "RULE STEP", or "RULE STEP in SPACE" where it is so in single spaces.
func (s *Set) Gone(next *Set) (gone []string) {
	for _, e := range s.entries {
		after := next.byID[e.rule.ID]
		if after == nil {
			continue
		}
		everywhere := e.rule.without(after.rule)
		for _, step := range everywhere {
			gone = append(gone, e.rule.ID+" "+step)
		}
		spaces := e.named()
		maps.Copy(spaces, after.named())
		for _, space := range slices.Sorted(maps.Keys(spaces)) {
			for _, step := range e.in(space).without(after.in(space)) {
				if !slices.Contains(everywhere, step) {
					gone = append(gone, e.rule.ID+" "+step+" in "+space)
				}
			}
		}
	}
	return gone
}

// without lists the steps of a rule that another hasn't.
func (r *Rule) without(other *Rule) (steps []string) {
	for _, step := range r.Steps {
		if step.ID != "" && other.Step(step.ID) == nil {
			steps = append(steps, step.ID)
		}
	}
	return steps
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
		maps.Copy(named, e.named())
	}
	return slices.Sorted(maps.Keys(named))
}

// Kinds lists the sorts of resources of which the rules wait for changes.
func (s *Set) Kinds() []events.Kind {
	kinds := Kinds(s.Rules()...)
	if len(s.until) == 0 {
		return kinds
	}
	for _, kind := range []events.Kind{events.KindMembership, events.KindMessage, events.KindReaction} { // what until may wait for
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Kinds lists the sorts of resources of which rules wait for changes.
func Kinds(rules ...*Rule) []events.Kind {
	kinds := []events.Kind{}
	for _, r := range rules {
		for _, t := range r.On {
			if kind := t.Kind(); kind != "" && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}

// Doubts lists what is allowed in the file and can hardly be meant.
func (s *Set) Doubts() []strictyaml.Mistake { return slices.Clone(s.doubts) }

// Tests lists the file's own tests.
func (s *Set) Tests() []Test { return slices.Clone(s.tests) }
