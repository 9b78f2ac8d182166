package expr_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// told is an error as rule files show it: the source with ^ where it is wrong.
func told(t *testing.T, err error) string {
	t.Helper()
	var e *expr.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want an *Error", err, err)
	}
	return fmt.Sprintf("%d: %v", e.Offset, e)
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	group := newEnv(t)
	joined := group.For([]reactors.Trigger{reactors.MemberJoined})
	env, err := expr.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	alone := env.For([]reactors.Trigger{reactors.MessageCreated, reactors.MessageDeleted})
	const allOfJoined = "(known are event, group, member, now, space, trigger)"
	for _, test := range []struct {
		env       *expr.Env
		src, want string
	}{
		// Names.
		{group, `membr.name == "a"`, "0: membr is not known (did you mean member?)"},
		{joined, `true && message.text == "a"`, "8: message is not known for member.joined " + allOfJoined},
		{joined, `.message.text == "a"`, "1: message is not known for member.joined " + allOfJoined},
		{joined, `messag.text == "a"`, "0: messag is not known " + allOfJoined},
		{alone, `member.type == "HUMAN"`, "0: member is not known for message.deleted (known are event, message, now, space, trigger)"},
		{alone, `group.size > 3`, "0: group is known only where collapse says what to do (known are event, message, now, space, trigger)"},
		{group, `["a"].exists(x, y == x)`, "16: y is not known (known are card, command, event, google_group, group, member, message, now, reaction, space, subscription, trigger)"},
		{joined, `group.members.exists(member, member == "a")`, "20: member is a variable already (call the item otherwise)"},
		// Fields.
		{group, `member.nam == "a"`, "7: member has no field nam (did you mean name?)"},
		{group, `.member.nam == "a"`, "8: member has no field nam (did you mean name?)"},
		{group, `member.displayname == "a"`, "7: member has no field displayname (did you mean display_name?)"},
		{group, `"é" + member.nam == ""`, "14: member has no field nam (did you mean name?)"},
		{group, "member.type == \"HUMAN\" &&\n  member.nam == 'x'", "35: member has no field nam (did you mean name?)"},
		{group, `space.week.mesages > 3`, "11: space.week has no field mesages (did you mean messages?)"},
		{group, `space.week.x > 3`, "11: space.week has no field x (known are messages, posters, joins, leaves, top_emoji, top_messages)"},
		{group, `group.mentions[0].usr == "x"`, "18: a mention has no field usr (did you mean user?)"},
		{group, `group.mentions.exists(m, m.usr == "x")`, "27: a mention has no field usr (did you mean user?)"},
		{group, `member.name.foo == ""`, "11: a string has no fields"},
		{group, `message.client_id == ""`, "8: message has no field client_id (known are name, text, author, thread, is_reply, attachments, author_mention, permalink, exists, replies_by_others, reactions, previous_text, text_changed)"},
		// Types.
		{group, `member`, "0: a condition is true or false, and this is a member"},
		{group, `member.name`, `0: a condition is true or false, and this is a string (compare it, as in x == "y")`},
		{group, `member.messages_in_space > "3"`, "25: > doesn't go with an integer and a string (numbers are written without quotes)"},
		{group, `1.5 == space.members`, "4: == doesn't go with a decimal number and an integer (write 1.0 for 1, or use double( ))"},
		{group, `"Hi " + member.mention == ""`, "6: + doesn't go with a string and a mention (write it as its own placeholder: {{ member.mention }})"},
		{group, `member.name + 1 == ""`, "12: + doesn't go with a string and an integer (string( ) makes text of a number or a time)"},
		{group, `!member.name`, `0: ! doesn't go with a string (it wants something true or false, such as x != "")`},
		{group, `member.name ? true : false`, "12: what is before ? must be true or false, and this is a string"},
		{group, `true ? 1 : "a"`, "5: what is before and after : must be of one type"},
		{group, `member["name"] == ""`, "6: [ ] doesn't find a string in a member"},
		{group, `member.name in ["a", 1]`, "21: a string is expected here, not an integer"},
		{group, `member.name.exists(x, true)`, "6: exists, all, filter and map are for lists, and this is a string"},
		{group, `member.mention == "users/1"`, "15: == doesn't go with a mention and a string (compare member.name)"},
		{group, `message.text in "abc"`, `13: in doesn't go with a string and a string (of a text ask x.contains("y"), of a list x in ["y", "z"])`},
		{group, `now > "2026-01-01"`, `4: > doesn't go with a time and a string (write timestamp("2026-01-31T08:00:00Z"))`},
		{group, `now - event.time > 3600`, `17: > doesn't go with a duration and an integer (write duration("1h"), with s, m, h or d)`},
		{group, `now > event`, "4: > doesn't go with a time and an event"},
		// Calls.
		{group, `member.name.startsWth("a")`, "21: there is no function startsWth (did you mean startsWith?)"},
		{group, `member.name.startsWith(1)`, "22: startsWith of a string doesn't take (an integer)"},
		{group, `size(space) > 1`, "4: size doesn't take (a space)"},
		{group, `has(member)`, "4: has asks for a field (such as has(member.name))"},
		{group, `now - event.time > duration("1 day")`, `28: this is not a duration (such as "90s", "10m" or "7d")`},
		{group, `timestamp("today") > now`, `10: this is not a time (such as "2026-01-31T08:00:00Z")`},
		{group, `member.name.matches("[")`, "20: this is not a regular expression (see https://github.com/google/re2/wiki/Syntax)"},
		{group, `message.text.matches("\bvpn\b")`, `21: \b is a backspace in "…", not the edge of a word (write r"…", in which \ stays as it is)`},
		{group, `message.text.toLower() == "x"`, "20: there is no function toLower (did you mean lower?)"},
		{group, `message.text.includes("x")`, "21: there is no function includes (did you mean contains?)"},
		{group, `dyn(member).foo == 1`, "3: dyn is not possible here: types are checked when a rule is loaded"},
		{group, `reactors.Mention{user: "users/all"} == member.mention`, "16: reactors.Mention{ } is not possible here"},
		// Syntax.
		{group, ``, "0: the expression is empty"},
		{group, ` `, "0: the expression is empty"},
		{group, `member.name = "a"`, "12: = is not expected here (compare with ==)"},
		{group, `true and true`, "5: and is not expected here (write && for and)"},
		{group, `true or true`, "5: or is not expected here (write || for or)"},
		{group, `true & true`, "5: & is not expected here (write && for and)"},
		{group, `not member.is_member`, "0: not is not expected here (write ! for not)"},
		{group, `true && not member.is_member`, "8: not is not expected here (write ! for not)"},
		{group, `member.type == “HUMAN”`, "15: “ is not expected here (write straight quotes: \")"},
		{group, `member.name == "a`, "15: a quote isn't closed"},
		{group, `(true`, "5: ) is missing"},
		{group, `true)`, "4: ) is not expected here"},
		{group, `{{ member.is_member }}`, "0: {{ is for texts (leave {{ and }} out)"},
		{group, `now - event.time > 1h`, `19: 1h is not a duration (write duration("1h"), with s, m, h or d)`},
		{group, `member.`, "7: the expression ends too early"},
		{group, `if true`, "0: if is a reserved word"},
		{group, strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100), "0: too many parentheses, calls or operators inside one another"},
		{group, strings.Repeat("1+", 300) + "1 == 1", "0: too many parentheses, calls or operators inside one another"},
		// Cost.
		{group, `true` + strings.Repeat(" ", 2000), "2000: an expression has at most 2000 bytes, this one 2004"},
		{group, `[1].all(x, [2].all(y, x == y))`, "18: too costly: exists, all, filter, map and exists_one can't be inside one another"},
		{group, `message.text.matches("(a?){600}")`, "21: too costly: the regular expression is too large"},
		{group, `message.text.replace("a", message.text) == ""`, "0: too costly: on a long text or list it could take too much time or memory (leave out calls, or give them shorter texts)"},
	} {
		_, err := test.env.Condition(test.src)
		if err == nil {
			t.Errorf("%.60s: no error, want %s", test.src, test.want)
			continue
		}
		if diff := cmp.Diff(test.want, told(t, err)); diff != "" {
			t.Errorf("%.60s (-want +got):\n%s", test.src, diff)
		}
	}
}

// Whatever is written, the error points into it.
func FuzzCondition(f *testing.F) {
	for _, src := range []string{
		`member.nam == "é"`, "a\n.b", `“`, `not`, `has(`, `[`, `{"a": 1}.a`, `x{`, `"\q"`, "\xff", `a.b.c.d`,
		`group.mentions.map(m, m.user)`, `dyn(1)`, `1u`, "`a`.b", `member.?name`, `a[?b]`, `/* x`, `1..2`,
	} {
		f.Add(src)
	}
	env := newEnv(f)
	facts := anna()
	f.Fuzz(func(t *testing.T, src string) {
		c, err := env.Condition(src)
		if err != nil {
			var e *expr.Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(src) || e.Message == "" {
				t.Fatalf("%q: %#v", src, err)
			}
			return
		}
		whole, err := c.Eval(t.Context(), facts, noon)
		if early := c.AtEvent(); early != nil && err == nil {
			part, err := early.Eval(t.Context(), facts, noon)
			if err == nil && !part && whole {
				t.Fatalf("%q holds, and not at the event", src)
			}
		}
	})
}
