package rules_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// hundred is a file of 100 rules that are alike but for their ids and numbers.
func hundred(keys string) string { return alike(100, keys) }

func alike(n int, keys string) string {
	var b strings.Builder
	b.WriteString("reactors:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - id: rule-%d\n%s    do: [{send: {text: Hi}}]\n", i,
			strings.NewReplacer("SPACE", fmt.Sprintf("spaces/S%d", i), "NUMBER", fmt.Sprint(i)).Replace(keys))
	}
	return b.String()
}

func benchmarkPlan(b *testing.B, src string, c reactors.Change, want int) {
	s := parse(b, src)
	if got := len(s.PlanAll(c)); got != want {
		b.Fatalf("%d rules are asked, want %d", got, want)
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

// A thousand rules that no message of everyday meets; target: 20 µs each.
func BenchmarkPlanThousand(b *testing.B) {
	text := strings.Repeat("Shall we meet on Monday at ten, or would you rather have a call? ", 8)
	for name, condition := range map[string]string{
		"contains": `message.text.contains("product NUMBER")`,
		"matches":  `message.text.matches(r"(?i)\bcase #NUMBER\b") && !message.is_reply`,
		"lower":    `message.text.lowerAscii().contains("urgent NUMBER")`,
		"member":   `member.name == "users/NUMBER-"`,
		"short":    `message.text.startsWith("!") && message.text.endsWith("NUMBER")`,
		"cel":      `size(message.text) == 2000 + NUMBER`,
	} {
		b.Run(name, func(b *testing.B) {
			src := alike(1000, "    on: message.created\n    if: "+strconv.Quote(condition)+"\n")
			benchmarkPlan(b, src, wrote("spaces/A", "users/1", text, events.UserHuman), 1000)
		})
	}
}

func BenchmarkParse(b *testing.B) {
	src := []byte(hundred("    on: message.created\n    spaces: [SPACE]\n    if: message.text.contains(\"help\")\n"))
	for b.Loop() {
		parse(b, string(src))
	}
}
