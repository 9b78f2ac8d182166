package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// hundred is a file of 100 rules that are alike but for their ids.
func hundred(keys string) string {
	var b strings.Builder
	b.WriteString("reactors:\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  - id: rule-%d\n%s    do: [{send: {text: Hi}}]\n", i, replace(keys, "SPACE", fmt.Sprintf("spaces/S%d", i)))
	}
	return b.String()
}

func benchmarkPlan(b *testing.B, src string, c reactors.Change, want int) {
	s := parse(b, src)
	if got := len(s.Plan(c)); got != want {
		b.Fatalf("%d intents, want %d", got, want)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Plan(c)
	}
}

// Target: 2 µs.
func BenchmarkPlanNoneWaits(b *testing.B) {
	benchmarkPlan(b, hundred("    on: member.joined\n"), wrote("spaces/A", "users/1", "hello", events.UserHuman), 0)
}

// Target: 2 µs.
func BenchmarkPlanElsewhere(b *testing.B) {
	benchmarkPlan(b, hundred("    on: message.created\n    spaces: [SPACE]\n"), wrote("spaces/A", "users/1", "hello", events.UserHuman), 0)
}

// Target: 20 µs.
func BenchmarkPlanOneCondition(b *testing.B) {
	src := hundred("    on: message.created\n    spaces: [SPACE]\n    if: message.text.contains(\"help\") && member.is_member\n")
	benchmarkPlan(b, src, wrote("spaces/S7", "users/1", "hello", events.UserHuman), 1)
}

func BenchmarkPlanOneRun(b *testing.B) {
	src := hundred("    on: message.created\n    spaces: [SPACE]\n    if: message.text.contains(\"help\")\n")
	benchmarkPlan(b, src, wrote("spaces/S7", "users/1", "please help", events.UserHuman), 1)
}

func BenchmarkPlanHundredConditions(b *testing.B) {
	src := hundred("    on: message.created\n    if: message.text.contains(\"help\")\n")
	benchmarkPlan(b, src, wrote("spaces/S7", "users/1", "hello", events.UserHuman), 100)
}

func BenchmarkParse(b *testing.B) {
	src := []byte(hundred("    on: message.created\n    spaces: [SPACE]\n    if: message.text.contains(\"help\")\n"))
	for b.Loop() {
		parse(b, string(src))
	}
}
