package replay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// CaseResult is the result of one of a file's own tests.
type CaseResult struct {
	Test       rules.Test
	Mismatches []string // what isn't as expected; none: it passes
	Entries    []Entry  // what happened, in order
}

// Passed reports whether everything is as expected.
func (c *CaseResult) Passed() bool { return len(c.Mismatches) == 0 }

// Cases runs the tests of a file until no run waits any more, each with the state
// that follows from its own events alone. All rules that aren't off count as live,
// except in tests that expect an outcome of shadow.
func Cases(ctx context.Context, set *rules.Set) ([]CaseResult, error) {
	tests := set.Tests()
	results := make([]CaseResult, len(tests))
	for i, t := range tests {
		r, err := runCase(ctx, set, t)
		if err != nil {
			return nil, fmt.Errorf("run the test %q: %w", t.Name, err)
		}
		results[i] = r
	}
	return results, nil
}

func runCase(ctx context.Context, set *rules.Set, t rules.Test) (CaseResult, error) {
	s := &story{start: t.Start, inputs: t.Events}
	_, byMode := t.Expect[reactors.Shadowed]
	m := newMachine(set, s.lookup, byMode)
	for i := range t.Events {
		f := s.facts(i)
		intents := slices.DeleteFunc(set.PlanFacts(f, s.at(&t.Events[i]), fmt.Sprint("test-", i+1)), func(in reactors.Intent) bool {
			return in.Reactor != t.Reactor
		})
		if err := m.happen(ctx, s.at(&t.Events[i]), intents, set.Wakes(f), false); err != nil {
			return CaseResult{}, err
		}
	}
	if err := m.drain(ctx); err != nil {
		return CaseResult{}, err
	}
	result := m.result(t.Reactor, "")
	c := CaseResult{Test: t, Entries: result.Entries}
	c.compare(set, result.Rules)
	return c, nil
}

// compare lists what isn't as expected. Outcomes that the test doesn't name may
// happen, except sent.
func (c *CaseResult) compare(set *rules.Set, sums []Summary) {
	got := map[reactors.Outcome]int{}
	for _, s := range sums {
		got = s.Outcomes
	}
	want := maps.Clone(c.Test.Expect)
	if want == nil {
		want = map[reactors.Outcome]int{}
	}
	if _, named := want[reactors.Sent]; !named && c.Test.Texts == nil {
		want[reactors.Sent] = 0
	}
	for _, o := range reactors.Outcomes() {
		if n, named := want[o]; named && got[o] != n {
			c.Mismatches = append(c.Mismatches, fmt.Sprintf("%s: want %d, got %d", o, n, got[o]))
		}
	}
	if c.Test.Texts != nil {
		c.compareTexts()
	}
	if rule := set.Rule(c.Test.Reactor, ""); len(c.Mismatches) > 0 && rule != nil && rule.Mode == rules.Off {
		c.Mismatches = append(c.Mismatches, "the reactor is off: it does nothing")
	}
}

func (c *CaseResult) compareTexts() {
	var got []string
	for i := range c.Entries {
		got = append(got, c.Entries[i].Texts()...)
	}
	for i := range max(len(got), len(c.Test.Texts)) {
		switch {
		case i >= len(got):
			c.Mismatches = append(c.Mismatches, fmt.Sprintf("texts[%d]:\n  want %q\n  got nothing", i, c.Test.Texts[i]))
		case i >= len(c.Test.Texts):
			c.Mismatches = append(c.Mismatches, fmt.Sprintf("texts[%d]:\n  want nothing\n  got  %q", i, got[i]))
		case got[i] != c.Test.Texts[i]:
			c.Mismatches = append(c.Mismatches, fmt.Sprintf("texts[%d]:\n  want %q\n  got  %q", i, c.Test.Texts[i], got[i]))
		}
	}
}

// Story tells what happened, a line for each entry: for people whose test
// fails.
func (c *CaseResult) Story() []string {
	var lines []string
	for i := range c.Entries {
		e := &c.Entries[i]
		line := fmt.Sprintf("%s %s", After(e.At.Sub(c.Test.Start)), e.Outcome)
		if e.Member != "" {
			line += " " + e.Member
		}
		if e.Step > 0 {
			line += fmt.Sprintf(" (step %d)", e.Step+1)
		}
		if e.Reason != "" {
			line += ": " + e.Reason
		}
		for _, t := range e.Texts() {
			line += fmt.Sprintf(" %q", t)
		}
		lines = append(lines, line)
	}
	return lines
}

// After is a time since the start as tests write it: 1d2h, 0.
func After(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	var b strings.Builder
	for _, u := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := d / u.of; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.of
		}
	}
	return b.String()
}
