package rules_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// every makes the intents of all that a plan says. Those that it refuses must be
// refused when they are asked, too.
func every(p reactors.Plan) []reactors.Intent {
	list := slices.Clone(p.Intents)
	for _, r := range p.Refused {
		for i := range r.Asked.Rules {
			if slices.Contains(r.Except, int32(i)) {
				continue
			}
			in := r.Intent(int32(i))
			if in.Outcome != reactors.ConditionFalse {
				in.Reason = fmt.Sprintf("refused without being asked, which would say %q", in.Outcome)
			}
			list = append(list, in)
		}
	}
	return list
}

// Conditions that texts meet or not, and texts.
var (
	asking = []string{
		``, `message.text.contains("help")`, `message.text.contains("Help") || message.text.startsWith("!go")`,
		`message.text.matches("(?i)\\bhelp\\b")`, `message.text.lowerAscii().contains("help me")`, `member.name == "users/1"`,
		`message.text.contains("no such words") && member.messages_in_space > 3`, `member.is_member`,
		`int(message.text) > 1`, `int(message.text) > 1 && message.text.contains("help")`, `size(message.text) > 9`,
	}
	asked = []string{"", "help", "please HELP me", "help me", "!go", "nothing at all", "12"}
)

// wantSamePlan compares a plan with what asking each rule says.
func wantSamePlan(t rapid.TB, s *rules.Set, c reactors.Change, file string) {
	t.Helper()
	got, want := every(s.Plan(c)), s.PlanAll(c)
	byID := func(a, b reactors.Intent) int { return cmp.Compare(a.Reactor, b.Reactor) }
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q (-all +plan):\n%s\n%s", c.Item.Message.Text, diff, file)
	}
}

// Each condition, in a file of so many that texts are searched for all at once,
// with each text.
func TestNoRuleIsSkipped(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("reactors:\n")
	for i, c := range slices.Repeat(asking, 3) {
		fmt.Fprintf(&b, "  - id: rule-%d\n    on: message.created\n    do: [{send: {text: Hi}}]\n    if: %q\n", i, cmp.Or(c, "true"))
	}
	s := parse(t, b.String())
	for _, text := range asked {
		wantSamePlan(t, s, wrote("spaces/A", "users/1", text, events.UserHuman), b.String())
	}
}

// A plan says the same as asking each rule, whatever the rules name and whatever
// lets them be refused without being asked.
func TestPlanIsThatOfAllRules(t *testing.T) {
	t.Parallel()
	spaces := []string{"spaces/A", "spaces/B", "spaces/C"}
	matches := []string{``, `message.text.contains("help")`, `space.name != "spaces/B"`, `space.members > 3`, `message.text.charAt(99) == ""`}
	subset := rapid.SliceOfDistinct(rapid.SampledFrom(spaces), rapid.ID)
	rapid.Check(t, func(t *rapid.T) {
		var b, overrides strings.Builder
		b.WriteString("reactors:\n")
		overridden := map[string][]string{}
		for i := range rapid.IntRange(1, 40).Draw(t, "rules") {
			id := fmt.Sprintf("rule-%d", i)
			fmt.Fprintf(&b, "  - id: %s\n    mode: %s\n    on: message.created\n    bots: %t\n    do: [{send: {text: Hi}}]\n", id,
				rapid.SampledFrom([]string{"live", "shadow", `"off"`}).Draw(t, "mode"), rapid.Bool().Draw(t, "bots"))
			if c := rapid.SampledFrom(asking).Draw(t, "if"); c != "" {
				fmt.Fprintf(&b, "    if: %q\n", c)
			}
			key := rapid.SampledFrom([]string{"include", "except", ""}).Draw(t, "key")
			names := subset.Draw(t, "spaces")
			match := rapid.SampledFrom(matches).Draw(t, "match")
			if key != "" && len(names) > 0 || match != "" {
				b.WriteString("    spaces:\n")
			}
			if key != "" && len(names) > 0 {
				fmt.Fprintf(&b, "      %s: [%s]\n", key, strings.Join(names, ", "))
			}
			if match != "" {
				fmt.Fprintf(&b, "      match: %q\n", match)
			}
			for _, space := range subset.Draw(t, "overridden") {
				if key != "" && len(names) > 0 && slices.Contains(names, space) != (key == "include") {
					continue // an override where the rule isn't is a mistake
				}
				overridden[space] = append(overridden[space], fmt.Sprintf("    %s: {mode: %s}\n", id,
					rapid.SampledFrom([]string{"live", "shadow", `"off"`}).Draw(t, "override")))
			}
		}
		for _, space := range spaces {
			if len(overridden[space]) > 0 {
				fmt.Fprintf(&overrides, "  %s:\n%s", space, strings.Join(overridden[space], ""))
			}
		}
		if overrides.Len() > 0 {
			b.WriteString("overrides:\n" + overrides.String())
		}
		s, err := rules.Parse("reactors.yaml", []byte(b.String()), options(nil))
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			c := wrote(rapid.SampledFrom(append(spaces, "spaces/D")).Draw(t, "space"), "users/1", rapid.SampledFrom(asked).Draw(t, "text"),
				rapid.SampledFrom([]events.UserType{events.UserHuman, events.UserHuman, events.UserBot}).Draw(t, "type"))
			wantSamePlan(t, s, c, b.String())
		}
	})
}

// A thousand rules that refuse a message take no memory each.
func TestRefusingTakesNoMemory(t *testing.T) {
	for _, condition := range []string{`message.text.contains("product NUMBER")`, `member.name == "users/NUMBER-"`} {
		s := parse(t, alike(1000, fmt.Sprintf("    on: message.created\n    if: %q\n", condition)))
		c := wrote("spaces/A", "users/1", "Shall we meet on Monday?", events.UserHuman)
		if n := len(s.Plan(c).Intents); n != 0 {
			t.Fatalf("%d want it", n)
		}
		if n := testing.AllocsPerRun(100, func() { s.Plan(c) }); n > 10 {
			t.Errorf("%s: %v allocations for 1,000 rules, want 10 at most", condition, n)
		}
	}
}
