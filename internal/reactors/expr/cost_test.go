package expr_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// What people write must not be taken for too costly.
func TestOrdinaryIsNotTooCostly(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`message.text.trim().lowerAscii().startsWith("!help")`,
		`message.text.split("\n")[0] == "hello"`,
		`size(message.text.split(" ")) > 3`,
		`message.text.replace("\n", " ").contains("a b")`,
		`["vacation", "sick", "holiday", "urlaub", "krank"].exists(w, message.text.lowerAscii().contains(w))`,
		`message.text.size() > 10 && message.text.substring(0, 10) == "0123456789"`,
		`message.text.matches("(?i)(out of office|vacation|\\bOOO\\b)")`,
		`("in " + space.display_name + ": " + string(space.members) + " people").size() > 3`,
		`message.text.indexOf("?") >= 0`,
		`"%s has %d".format([space.display_name, space.members]) != ""`,
		`group.members.filter(m, m.startsWith("users/1")).size() > 2`,
		`group.members.map(m, m + "!").join(", ") != ""`,
		`space.display_name.lowerAscii().split("-").exists(w, w == "team")`,
		`message.text.split(" ").exists(w, w.startsWith("#"))`,
	} {
		if _, err := newEnv(t).Condition(src); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// TestHostile is row S7 of the failure modes: what is written to hang or fill
// a worker is turned down when it is loaded, or stopped.
func TestHostile(t *testing.T) { // not parallel: it measures memory
	f := anna()
	f.Message.Text = strings.Repeat("a b", 10<<10)
	members := make([]string, 20_000)
	for i := range members {
		members[i] = strings.Repeat("x", 100)
	}
	*f = f.Grouped(members)
	repeat := func(s string, n int) string { return strings.Repeat(s, n) }
	const loop = `[1,2,3,4,5,6,7,8,9,10]`
	hostile := []string{
		loop + `.all(a, ` + loop + `.all(b, ` + loop + `.all(c, a + b + c > 0)))`,
		`group.members.all(a, group.members.all(b, a != b + "x"))`,
		`group.members.map(a, group.members) == []`,
		`group.members.map(a, message.text) == []`,
		`group.members.all(m, message.text.contains(m + "y") == false)`,
		`group.members.map(a, a + message.text).join("") == ""`,
		`message.text.replace("", "` + repeat("x", 1500) + `") == ""`,
		`message.text.replace("a", message.text) == ""`,
		`message.text.split("").map(c, message.text).size() > 0`,
		`message.text.matches("` + repeat("(a*)*", 100) + `$")`,
		`message.text.matches("(((a{1,99}){1,99}){1,99})")`,
		`message.text.matches(message.text)`,
		`group.members.all(m, !m.matches("(x?){120}y"))`,
		`group.members.all(m, !m.matches("(x?){60}y"))`,
		repeat("(", 900) + "1" + repeat(")", 900) + " == 1",
		repeat("!", 1900) + "true",
		repeat("[", 900) + repeat("]", 900) + " == []",
		`1` + repeat("+1", 950) + ` == 1`,
		repeat("true&&", 330) + "true",
		repeat("true?true:", 180) + "true",
		`message.text` + repeat("+message.text", 140) + ` == ""`,
		`(message.text + message.text).split("").join(message.text) == ""`,
		`"%s".format([group.members]) + "%s".format([group.members]) == ""`,
		`"%.999999999f".format([1.0]) == ""`,
		`"%1000000000s".format(["x"]) == ""`,
		`message.text.split("").exists(c, message.text.replace(c, "xx") == "")`,
		`message.text` + repeat(`.replace("a", "aaaaaaaaaa")`, 60) + ` == ""`,
		`message.text` + repeat(`.reverse()`, 150) + ` == ""`,
		`message.text` + repeat(`.split("").join("")`, 90) + ` == ""`,
		`strings.quote(strings.quote(strings.quote(strings.quote(message.text)))) == ""`,
		`{` + repeat(`"a": message.text, `, 100) + `"z": ""}.size() == 1`,
		`group.mentions.filter(m, group.mentions.filter(n, n == m).size() > 1) == []`,
		repeat("x", 3000),
	}
	for _, src := range hostile {
		name := src
		if len(name) > 60 {
			name = name[:60] + "…"
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, err := newEnv(t).Condition(src)
		loaded := err == nil
		var units uint64
		if loaded {
			units, err = c.Units(f, noon)
		}
		runtime.ReadMemStats(&after)
		allocated := (after.TotalAlloc - before.TotalAlloc) >> 10
		t.Logf("%-62s loaded %-5v %7d units %6d KiB %v", name, loaded, units, allocated, err)
		// What it would take is known by its cost alone: the last step may go
		// beyond the limit by what is allowed for one that is loaded.
		if units > expr.MaxCost+expr.MaxEstimate {
			t.Errorf("%s: cost %d units", name, units)
		}
		if stopped := errors.Is(err, expr.ErrTooCostly); loaded && stopped != (units > expr.MaxCost) {
			t.Errorf("%s: ended after %d units with %v; want it stopped beyond %d", name, units, err, expr.MaxCost)
		}
		if allocated > 16<<10 {
			t.Errorf("%s: allocated %d KiB", name, allocated)
		}
	}
}

// A pattern costs what its program is, not what its text is: this short one has
// 240 instructions, all of which are tried at each character. Fifty of them take
// about a microsecond, as a unit does at most.
func TestPatternsCostAsTheirPrograms(t *testing.T) {
	t.Parallel()
	const members, characters, program = 50, 100, 240
	f := anna()
	*f = f.Grouped(slices.Repeat([]string{strings.Repeat("x", characters)}, members))
	units, err := condition(t, `group.members.all(m, !m.matches("(x?){60}y"))`).Units(f, noon)
	if want := uint64(members * characters * program / 50); units < want || err != nil {
		t.Errorf("it costs %d units, %v; want %d at least", units, err, want)
	}
}

// What can't be told when it is loaded is stopped while it runs.
func TestCostLimit(t *testing.T) {
	t.Parallel()
	c := condition(t, `group.members.all(m, m.lowerAscii().contains("xx"))`)
	f := anna()
	*f = f.Grouped([]string{strings.Repeat("x", 20)})
	if ok, err := c.Eval(t.Context(), f, noon); !ok || err != nil {
		t.Fatalf("a small group: %v, %v", ok, err)
	}
	// Long names, so that the cost is used up after few steps, long before the
	// time is.
	*f = f.Grouped(slices.Repeat([]string{strings.Repeat("x", 2_000)}, 100_000))
	if ok, err := c.Eval(t.Context(), f, noon); ok || err == nil || !strings.Contains(err.Error(), "costs too much") {
		t.Errorf("a large one: %v, %v; want it to cost too much", ok, err)
	}
}

func BenchmarkCondition(b *testing.B) {
	f := anna()
	for name, src := range map[string]string{
		"simple": `member.type == "HUMAN" && !member.known_external`,
		"text":   `message.text.lowerAscii().contains("help")`,
		"list":   `group.members.exists(m, m == "users/4")`,
	} {
		c := condition(b, src)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Eval(b.Context(), f, noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	env := newEnv(b).For([]reactors.Trigger{reactors.MemberJoined})
	for b.Loop() {
		if _, err := env.Condition(`member.type == "HUMAN" && !member.known_external`); err != nil {
			b.Fatal(err)
		}
	}
}
