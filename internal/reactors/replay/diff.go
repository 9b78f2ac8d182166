package replay

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Difference is something that one set of rules would have sent and another
// not, or not in the same words.
type Difference struct {
	Kind   DifferenceKind `json:"kind"`
	Before *Entry         `json:"before,omitempty"` // nil: it was not sent
	After  *Entry         `json:"after,omitempty"`  // nil: it is not sent
}

// DifferenceKind says what kind a difference is of.
type DifferenceKind string

// Kinds of differences.
const (
	Added   DifferenceKind = "added"
	Removed DifferenceKind = "removed"
	Changed DifferenceKind = "changed" // it does something else, or says it in other words
)

// Entry is what is sent, or was.
func (d *Difference) Entry() *Entry {
	if d.After != nil {
		return d.After
	}
	return d.Before
}

// sending identifies what is sent for one subject.
type sending struct {
	reactor, subject string
	step, number     int // number: of those for the same subject
}

// Diff compares what two sets of rules would have sent on the same history, in
// the order of times. A rule whose id or once_per has changed is another one.
func Diff(before, after *Result) []Difference {
	was, is := sendings(before), sendings(after)
	list := []Difference{}
	for k, b := range was {
		switch a := is[k]; {
		case a == nil:
			list = append(list, Difference{Kind: Removed, Before: b})
		case !sameRequests(a.Requests, b.Requests):
			list = append(list, Difference{Kind: Changed, Before: b, After: a})
		}
	}
	for k, a := range is {
		if was[k] == nil {
			list = append(list, Difference{Kind: Added, After: a})
		}
	}
	slices.SortFunc(list, func(x, y Difference) int {
		a, b := x.Entry(), y.Entry()
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Reactor, b.Reactor), cmp.Compare(a.Subject, b.Subject),
			cmp.Compare(a.Step, b.Step), cmp.Compare(x.Kind, y.Kind))
	})
	return list
}

func sendings(r *Result) map[sending]*Entry {
	m := map[sending]*Entry{}
	for i := range r.Entries {
		e := &r.Entries[i]
		if e.Outcome != reactors.Sent {
			continue
		}
		k := sending{reactor: e.Reactor, subject: e.Subject, step: e.Step}
		for m[k] != nil {
			k.number++
		}
		m[k] = e
	}
	return m
}

func sameRequests(a, b []reactors.Request) bool {
	return slices.EqualFunc(a, b, func(x, y reactors.Request) bool {
		return x.Action == y.Action && bytes.Equal(x.Body, y.Body)
	})
}
