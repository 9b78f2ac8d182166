package rules_test

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// late is an action that can't be carried out for now.
type late struct{ send }

func (late) Name() string { return "late" }

func (late) Check(any) []reactors.ParamError {
	return []reactors.ParamError{{Field: "text", Message: "it takes too long", Suggestion: "make it smaller", Unready: true}}
}

// What may pass is told of its rule, once, and takes none away.
func TestUnreadyRulesStand(t *testing.T) {
	t.Parallel()
	set, err := rules.Parse("reactors.yaml", []byte(`
reactors:
  - {id: good, on: member.joined, do: [{send: {text: hello}}]}
  - {id: slow, on: member.joined, do: [{late: {text: hello}}]}
overrides:
  spaces/A: {slow: {mode: live}}
`), rules.Options{Actions: []reactors.Action{send{}, late{}}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(set.Rules()); n != 2 {
		t.Errorf("%d rules are in force, want both", n)
	}
	const want = `reactors.yaml:4: late: it takes too long; runs of "slow" fail for now; make it smaller`
	if len(set.Unready) != 1 || set.Unready[0].Short() != want {
		t.Errorf("Unready = %v, want %s", set.Unready, want)
	}
}
