package rules

import (
	"cmp"
	"maps"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// waiting holds the rules that wait for a trigger and aren't off: those of
// everywhere, and what is different in each space that a rule names.
type waiting struct {
	everywhere asked
	named      map[string]*place
}

// place is what is different in a space.
type place struct {
	own     asked
	without []int32 // positions in everywhere of the rules that aren't asked here
}

// asked are rules that changes meet together, in the order of the file.
type asked struct {
	reactors.Asked
	rules    []*Rule
	file     []int  // positions in the file
	gates    []gate // at least one for each rule, in their order
	selected int    // how many rules have a gate that not every text passes
}

// gate is what all changes pass that meet the condition of the rule at a
// position: its message may hold a needle, and the test says yes. All that a
// refusal reads stands here, side by side.
type gate struct {
	trace expr.Trace
	test  func(*reactors.Facts) bool // nil: there is none
	rule  int32
}

func (a *asked) add(r *Rule, inFile int) (position int32) {
	position = int32(len(a.rules))
	a.Rules = append(a.Rules, reactors.AskedRule{Reactor: r.ID, Shadow: r.Mode == Shadow})
	a.rules, a.file = append(a.rules, r), append(a.file, inFile)
	g := gate{trace: expr.Anything, rule: position}
	var needles []string
	for _, e := range r.early {
		if g.test == nil {
			g.test = e.condition.Test()
		}
		if needles == nil {
			needles = e.condition.Needles()
		}
	}
	if needles == nil {
		a.gates = append(a.gates, g)
		return position
	}
	a.selected++
	for _, n := range needles {
		g.trace = expr.TraceOf(n)
		a.gates = append(a.gates, g)
	}
	return position
}

// index sorts the rules by what they wait for, so that an event which no rule
// waits for costs nothing but a look-up. It goes once over what each rule names.
func (s *Set) index() {
	s.people = s.indexOf(func(*Rule) bool { return true })
	s.apps = s.indexOf(func(r *Rule) bool { return r.Bots })
	for _, e := range s.entries {
		if e.rule.Until != nil || slices.ContainsFunc(slices.Collect(maps.Values(e.bySpace)), func(r *Rule) bool { return r.Until != nil }) {
			s.until = append(s.until, e)
		}
	}
}

func (s *Set) indexOf(meets func(*Rule) bool) map[reactors.Trigger]*waiting {
	all := map[reactors.Trigger]*waiting{}
	for i, e := range s.entries {
		for _, t := range e.rule.On { // the same in all spaces
			if all[t] == nil {
				all[t] = &waiting{named: map[string]*place{}}
			}
			all[t].add(e, i, meets)
		}
	}
	return all
}

func (w *waiting) add(e *entry, inFile int, meets func(*Rule) bool) {
	position := int32(-1)
	if e.rule.Mode != Off && len(e.rule.Include) == 0 && meets(e.rule) {
		position = w.everywhere.add(e.rule, inFile)
	}
	for space := range e.named() {
		r := e.in(space)
		applies := r.Applies(space) && meets(r)
		if position < 0 && !applies {
			continue
		}
		here := w.named[space]
		if here == nil {
			here = &place{}
			w.named[space] = here
		}
		if position >= 0 {
			here.without = append(here.without, position)
		}
		if applies {
			here.own.add(r, inFile)
		}
	}
}

// named is the set of the spaces that a rule names, or that override it.
func (e *entry) named() map[string]bool {
	named := make(map[string]bool, len(e.bySpace))
	for space := range e.bySpace {
		named[space] = true
	}
	for _, space := range slices.Concat(e.rule.Include, e.rule.Except) {
		named[space] = true
	}
	return named
}

// in lists the rules that wait in a space, in the order of the file.
func (w *waiting) in(space string) []*Rule {
	if w == nil {
		return nil
	}
	here := w.named[space]
	if here == nil {
		return w.everywhere.rules
	}
	inFile := map[*Rule]int{}
	for i, r := range w.everywhere.rules {
		if _, not := slices.BinarySearch(here.without, int32(i)); !not {
			inFile[r] = w.everywhere.file[i]
		}
	}
	for i, r := range here.own.rules {
		inFile[r] = here.own.file[i]
	}
	return slices.SortedFunc(maps.Keys(inFile), func(a, b *Rule) int { return cmp.Compare(inFile[a], inFile[b]) })
}

// empty reports whether no rule waits in a space.
func (w *waiting) empty(space string) bool {
	if w == nil {
		return true
	}
	here := w.named[space]
	if here == nil {
		return len(w.everywhere.rules) == 0
	}
	return len(w.everywhere.rules) == len(here.without) && len(here.own.rules) == 0
}
