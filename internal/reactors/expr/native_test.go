package expr

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// compared is a condition beside what CEL alone makes of it.
type compared struct {
	*Condition
	of      *compiled
	program cel.Program
}

func compare(t rapid.TB, env *Env, src string) compared {
	t.Helper()
	c, err := env.Condition(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	of, err := env.compile(src)
	if err != nil {
		t.Fatal(err)
	}
	program, err := of.plan(of.ast)
	if err != nil {
		t.Fatal(err)
	}
	return compared{c, of, program}
}

// with fails unless the condition answers as CEL does, and holds nowhere that its
// needles or its test say no to.
func (c compared) with(t rapid.TB, f *reactors.Facts) {
	t.Helper()
	v, err := c.of.eval(context.Background(), c.program, f, time.Time{})
	if err != nil {
		t.Fatalf("%s: %v", c.source, err)
	}
	want := v == types.True
	got, err := c.Eval(context.Background(), f, time.Time{})
	if err != nil || got != want {
		t.Fatalf("%s of %+v = %v, %v; CEL says %v", c.source, f, got, err, want)
	}
	var h Haystack
	h.Fill(f)
	mayHold := c.Needles() == nil
	for _, n := range c.Needles() {
		trace := TraceOf(n)
		mayHold = mayHold || h.MayHold(&trace)
	}
	if want && !mayHold {
		t.Fatalf("%s holds of %q, in which none of its needles %q are", c.source, f.Message.Text, c.Needles())
	}
	if test := c.Test(); test != nil && want && !test(f) {
		t.Fatalf("%s holds of %+v, and its test says no", c.source, f)
	}
}

// conditionOf draws what tests are made of.
func conditionOf(t *rapid.T, depth int) string {
	text := func() string {
		return rapid.SampledFrom([]string{`message.text`, `message.text`, `member.name`, `space.name`, `reaction.emoji`, `trigger`}).Draw(t, "fact")
	}
	free := func() string { // what may hold anything
		return rapid.SampledFrom([]string{`message.text`, `member.name`, `space.name`, `reaction.emoji`}).Draw(t, "fact")
	}
	word := func() string { return rapid.SampledFrom(words).Draw(t, "word") }
	// What a field never is would be refused.
	compared := func() (fact string, word func() string) {
		fact = text()
		some := map[string][]string{
			"reaction.emoji": {"👍", ":a:", ""}, "trigger": {"message.created", "member.left", "member.joined"},
			"member.name": {"users/1", "users/2", ""}, "space.name": {"spaces/S", "spaces/T", ""},
		}[fact]
		if some == nil {
			some = words
		}
		return fact, func() string { return rapid.SampledFrom(some).Draw(t, "word") }
	}
	inner := func() string { return "(" + conditionOf(t, depth-1) + ")" }
	kinds := 11
	if depth > 0 {
		kinds = 14
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		fact, word := compared()
		return fact + "." + rapid.SampledFrom([]string{"contains", "startsWith", "endsWith"}).Draw(t, "call") + `("` + word() + `")`
	case 1:
		fact, word := compared()
		return fact + rapid.SampledFrom([]string{" == ", " != "}).Draw(t, "sign") + `"` + word() + `"`
	case 2:
		fact, word := compared()
		return `"` + word() + `" == ` + fact
	case 3:
		fact, word := compared()
		return fact + ` in ["` + word() + `", "` + word() + `"]`
	case 4:
		return rapid.SampledFrom([]string{`message.is_reply`, `!message.is_reply`, `member.known_external`, `has(member.name)`, `has(message.is_reply)`}).Draw(t, "bool")
	case 5:
		return `message.attachments ` + rapid.SampledFrom([]string{"<", "<=", "==", "!=", ">", ">="}).Draw(t, "sign") + rapid.SampledFrom([]string{" 0", " 1", " 2"}).Draw(t, "number")
	case 6:
		return free() + `.matches(r"` + rapid.SampledFrom(patterns).Draw(t, "pattern") + `")`
	case 7:
		return `message.text.lowerAscii().contains("` + strings.ToLower(word()) + `")`
	case 8:
		return `message.text.upperAscii().startsWith("` + strings.ToUpper(word()) + `")`
	case 9:
		return free() + `.hasWord("` + word() + `")`
	case 10:
		return `message.text.lower().` + rapid.SampledFrom([]string{"contains", "hasWord"}).Draw(t, "call") + `("` + strings.ToLower(word()) + `")`
	case 11:
		return "!" + inner()
	case 12:
		return inner() + " && " + inner()
	}
	return inner() + " || " + inner()
}

var (
	words = []string{"", "a", "help", "HELP", "help me", "groß", "👍", "spaces/S", "users/1", "message.created", "Kelvin", "ask", "info"}
	// Of these, \x{FFFD} is what is no UTF-8, \x{212A} is another k, and ſ another s.
	patterns = []string{
		`help`, `(?i)help`, `(?i)\bhelp\b`, `^help$`, `(help|ask)`, `(?i)(help|ask)+`, `(?:help){2}`, `h.*p`, `[hH]elp`, `(?i)kelvin`, `(?i)ask`,
		`(?i)groß`, `he\x{FFFD}lp`, `(help)?`, `x*`, `help|`, `(?s)help.ask`, `hel(p|m)`, `(?i)elvin`,
	}
	pieces = append([]string{" ", "hELp", "he\xfflp", "\u212Aelvin", "aſk", "İNFO", "gro\u00df", "x"}, words...)
)

// Each condition of one text, with each text of two pieces.
func TestEachTestAnswersAsCEL(t *testing.T) {
	t.Parallel()
	env, err := NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	var conditions []string
	for _, w := range words {
		for _, call := range []string{"contains", "startsWith", "endsWith"} {
			conditions = append(conditions, fmt.Sprintf(`message.text.%s(%q)`, call, w), fmt.Sprintf(`message.text.lowerAscii().%s(%q)`, call, strings.ToLower(w)),
				fmt.Sprintf(`message.text.lower().%s(%q)`, call, strings.ToLower(w)))
		}
		conditions = append(conditions, fmt.Sprintf(`message.text.hasWord(%q)`, w), fmt.Sprintf(`message.text == %q`, w), fmt.Sprintf(`message.text.upperAscii() == %q`, strings.ToUpper(w)))
	}
	for _, p := range patterns {
		conditions = append(conditions, fmt.Sprintf(`message.text.matches(r"%s")`, p))
	}
	for _, src := range conditions {
		c := compare(t, env, src)
		for _, first := range pieces {
			for _, second := range pieces {
				c.with(t, &reactors.Facts{Message: reactors.MessageFacts{Text: first + second}})
			}
		}
	}
}

// A condition answers as CEL does, and never holds where its needles say that it
// can't.
func TestConditionsAnswerAsCEL(t *testing.T) {
	t.Parallel()
	env, err := NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := compare(t, env, conditionOf(t, 2))
		for range 8 {
			f := &reactors.Facts{Trigger: reactors.MessageCreated}
			f.Message.Text = strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 4).Draw(t, "text"), "")
			f.Message.IsReply, f.Message.Attachments = rapid.Bool().Draw(t, "reply"), rapid.IntRange(0, 2).Draw(t, "attachments")
			f.Member.Name, f.Space.Name = rapid.SampledFrom(words).Draw(t, "member"), rapid.SampledFrom(words).Draw(t, "space")
			f.Member.KnownExternal, f.Reaction.Emoji = rapid.Bool().Draw(t, "external"), rapid.SampledFrom(words).Draw(t, "emoji")
			c.with(t, f)
		}
	})
}

// A needle is of use: it keeps away texts that don't hold it.
func TestNeedles(t *testing.T) {
	t.Parallel()
	env, err := NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	for src, want := range map[string][]string{
		`message.text.contains("product 7")`:                                {"product 7"},
		`!message.is_reply && message.text.matches(r"(?i)\bvpn\b")`:         {"VPN"},
		`message.text.matches("(?i)printers?")`:                             {"PRINTER"},
		`message.text.matches("(?i)ticket")`:                                {"TIC"},  // a Kelvin sign is a k
		`message.text.matches(r"plea\x{FFFD}se")`:                           {"plea"}, // the rest is no UTF-8
		`message.text.matches("(?i)ask")`:                                   nil,
		`message.text.lowerAscii().contains("mail")`:                        {"mail"},
		`message.text.hasWord("VPN")`:                                       {"VPN"},
		`message.text.lower().contains("grüße, kunde")`:                     {"unde"}, // ü has another form, k a third case
		`message.text.contains("help") || message.text.matches("^(a|bcd)")`: nil,
		`message.text.contains("help") || message.text.matches("^abc")`:     {"help", "abc"},
		`message.text.contains("help") || member.name == "users/1"`:         nil,
		`message.text.contains("?")`:                                        nil,
		`!message.text.contains("help")`:                                    nil,
		`member.name == "users/1"`:                                          nil,
		`member.is_member && message.text.contains("help")`:                 {"help"},
	} {
		c, err := env.Condition(src)
		if err != nil {
			t.Fatal(err)
		}
		early := c.AtEvent()
		if early == nil {
			t.Errorf("%s has no part that the event tells", src)
			continue
		}
		if got := early.Needles(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: needles %q, want %q", src, got, want)
		}
	}
	var h Haystack
	h.Fill(&reactors.Facts{Message: reactors.MessageFacts{Text: strings.Repeat("Shall we meet on Monday at ten? ", 30)}})
	passed := 0
	for i := range 1000 {
		trace := TraceOf("product " + string(rune('a'+i%26)) + string(rune('a'+i/26%26)))
		if h.MayHold(&trace) {
			passed++
		}
	}
	if passed > 20 {
		t.Errorf("of 1,000 needles that a text doesn't hold, %d pass; want 20 at most", passed)
	}
}

// Tests read the facts that their names say: nothing else tells if two are mixed up.
func TestFactsOfTests(t *testing.T) {
	t.Parallel()
	env, err := NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	f := &reactors.Facts{
		Trigger: "1", Event: reactors.EventFacts{Type: "2"}, Space: reactors.SpaceFacts{Name: "3"},
		Member:  reactors.MemberFacts{Name: "4", Type: "5", PreviousRole: "6"},
		Message: reactors.MessageFacts{Name: "7", Thread: "8", Text: "9"}, Reaction: reactors.ReactionFacts{Emoji: "10"},
		GoogleGroup: reactors.GoogleGroupFacts{Name: "11"},
	}
	vars := &activation{env.schema, f, time.Time{}}
	for name, read := range textFacts {
		path := strings.Split(name, ".")
		var v any
		v, _ = vars.ResolveName(path[0])
		for i := range path[1:] {
			v, err = env.schema.find(path[:i+2]).access.GetFrom(v)
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := read(f); got == "" || got != reflect.ValueOf(v).String() {
			t.Errorf("a test reads %q for %s, CEL %q", got, name, v)
		}
	}
}
