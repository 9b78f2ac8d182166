package replay_test

import (
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// Tests of a file see when things happen as they would live. They begin on a Monday
// at 9:00 UTC.
func TestTimesOfCases(t *testing.T) {
	t.Parallel()
	const office = `quiet_hours: { zone: UTC, allow: "Mon-Fri 09:00-17:00" }`
	for name, tt := range map[string]struct {
		rule, inputs string
		want         []string
	}{
		"until": {
			"on: member.joined\nwait: 1d\nuntil: member.messages_in_space > 0",
			`join@0, {at: 1h, do: join, member: users/2}, {at: 2h, do: message, member: users/3}, message@3h`,
			[]string{`3h sent users/1 "said"`, `1d1h sent users/2 "said"`},
		},
		"until, of what came before": {
			"on: member.joined\nwait: 1d\nuntil: member.messages_in_space > 0",
			`message@0, join@1h`, []string{`1h sent users/1 "said"`},
		},
		"until, of a thread": {
			"on: message.created\nif: message.text == \"?\"\nwait: 1d\nuntil: message.replies_by_others > 0",
			`{at: 0, do: message, text: "?", thread: spaces/TEST/threads/a}, {at: 1h, do: message, text: "!", member: users/2, thread: spaces/TEST/threads/a}`,
			[]string{`1h condition_false users/2: if: message.text == "?"`, `1h sent users/1 "said"`},
		},
		"until, of a quote": {
			"on: message.created\nif: message.text == \"?\"\nwait: 1d\nuntil: message.answered()",
			`{at: 0, do: message, text: "?", message: spaces/TEST/messages/q}, {at: 1h, do: message, text: "!", member: users/2, quotes: spaces/TEST/messages/q}`,
			[]string{`1h condition_false users/2: if: message.text == "?"`, `1h sent users/1 "said"`},
		},
		"until, of a role": {
			"on: member.joined\nwait: 1d\nuntil: member.role == \"ROLE_MANAGER\"",
			`join@0, {at: 1h, do: role, role: ROLE_MANAGER}`, []string{`1h sent users/1 "said"`},
		},
		"the role of who left": {
			"on: member.left\nif: member.role == \"ROLE_MANAGER\"",
			`{at: 0, do: join, role: ROLE_MANAGER}, {at: 0, do: join, member: users/2}, leave@1h, {at: 1h, do: leave, member: users/2}`,
			[]string{`1h sent users/1 "said"`, `1h condition_false users/2: if: member.role == "ROLE_MANAGER"`},
		},
		"an added keyword": {
			"on: [message.created, message.edited]\nif: message.text.contains(\"help\")",
			`{at: 0, do: message, text: "?"}, {at: 1m, do: edit, text: "help"}, {at: 2m, do: edit, text: "help me"}`,
			[]string{
				`0 condition_false users/1: if: message.text.contains("help")`, `1m sent users/1 "said"`,
				`2m already_done users/1: once_per: spaces/TEST/messages/test-1`,
			},
		},
		"of whom nobody knows yet": {
			"on: member.joined\nif: member.type == \"HUMAN\"",
			`{at: 0, do: join, unknown: true}, message@1h`, []string{`0 condition_false users/1: if: member.type == "HUMAN"`},
		},
		"an answer of whom nobody knows": {
			"on: message.created\nif: message.text == \"?\"\nwait: 1h\nstill: \"!message.answered(['👍'])\"",
			`{at: 0, do: message, text: "?", message: spaces/TEST/messages/q, thread: spaces/TEST/threads/t},
{at: 1m, do: message, text: "!", member: users/2, unknown: true, thread: spaces/TEST/threads/t},
{at: 2m, do: react, emoji: "👍", message: spaces/TEST/messages/q, member: users/2, unknown: true}`,
			[]string{`1m condition_false users/2: if: message.text == "?"`, `1h sent users/1 "said"`},
		},
		"the emoji of a week": {
			"on: schedule\ncron: 0 9 * * mon\nzone: UTC\nif: space.week.top_emoji == \"❤️\"",
			`{at: 1h, do: react, emoji: "❤️"}, {at: 1h, do: react, emoji: "❤", member: users/2}, {at: 1h, do: react, emoji: "❤️", member: users/3},
{at: 1h, do: react, emoji: "👍"}, {at: 1h, do: react, emoji: "👍", member: users/2}, {at: 1h, do: react, emoji: "🎉", member: users/2},
{at: 1h, do: react, emoji: "🎉", member: users/3}, {at: 1h, do: react, emoji: "🎉", member: users/4}, {at: 1h, do: react, emoji: "🎉", member: users/5},
{at: 2h, do: unreact, emoji: "🎉", member: users/5}, {at: 2h, do: unreact, emoji: "🎉", member: users/4}, tick@1d`,
			[]string{`1d sent "said"`},
		},
		"working time": {
			`on: member.joined` + "\n" + `wait: { working: 10h, hours: "Mon-Fri 09:00-17:00", zone: UTC }`,
			`join@4d`, []string{`7d2h sent users/1 "said"`},
		},
		"a limit, later, of whoever let that time go by": {
			"on: member.joined\nwait: 1d\nlimit: { per_space: 1/h, else: later }",
			`join@0, {at: 1m, do: join, member: users/2}, {at: 1d10m, do: join, member: users/3},
{at: 1d30m, do: leave, member: users/2}, {at: 1d40m, do: join, member: users/2}`,
			[]string{`1d sent users/1 "said"`, "1d40m already_done users/2: once_per: spaces/TEST users/2", `2d10m sent users/3 "said"`, `2d1h10m sent users/2 "said"`},
		},
		"a limit, later": {
			"on: member.joined\nlimit: { per_space: 1/h, else: later }\n" + office,
			`join@6h30m, {at: 6h31m, do: join, member: users/2}, {at: 6h32m, do: join, member: users/3}`,
			[]string{`6h30m sent users/1 "said"`, `7h30m sent users/2 "said"`, `1d sent users/3 "said"`},
		},
		"once for some time": {
			"on: member.joined\nonce_per: { keys: [member], for: 10d }",
			`join@0, leave@1d, join@2d, leave@3d, join@10d, leave@11d, join@12d`,
			[]string{
				`0 sent users/1 "said"`, `2d already_done users/1: once_per: users/1`,
				`10d sent users/1 "said"`, `12d already_done users/1: once_per: users/1 #2`,
			},
		},
		"a group of a weekend": {
			"on: member.joined\ncollapse: { window: 1m, over: 1, do: [{say: {text: \"all {{ group.size }}\"}}] }\n" + office,
			`join@4d10h, {at: 5d, do: join, member: users/2}, {at: 6d, do: join, member: users/3}`,
			[]string{
				`7d collapsed users/2: another run speaks for it`, `7d collapsed users/3: another run speaks for it`, `7d sent users/1 "all 3"`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := "reactors:\n  - id: rule\n    " + strings.ReplaceAll(tt.rule, "\n", "\n    ") +
				"\n    do: [{say: {text: said}}]\ntests:\n  - {name: it, reactor: rule, given: [" + tt.inputs + "], expect: {}}\n"
			if diff := gocmp.Diff(tt.want, cases(t, parse(t, src))[0].Story()); diff != "" {
				t.Errorf("the story (-want +got):\n%s", diff)
			}
		})
	}
}

// The steps that quiet hours put off keep their distance.
func TestDistanceOfSteps(t *testing.T) {
	t.Parallel()
	src := `
reactors:
  - id: week
    on: member.joined
    quiet_hours: { zone: UTC, allow: "Mon-Fri 09:00-17:00" }
    sequence:
      - { after: 1m, do: [say: { text: one }] }
      - { id: tip, after: 6h1m, do: [say: { text: two }] }
      - { after: { working: 16h, hours: "Mon-Fri 09:00-17:00", zone: UTC }, do: [say: { text: three }] }
tests:
  - { name: on a Saturday, reactor: week, given: [join@5d], expect: { sent: 3 } }
`
	c := cases(t, parse(t, src))[0]
	if len(c.Entries) != 3 || len(c.Mismatches) > 0 {
		t.Fatalf("%q\n%q", c.Mismatches, c.Story())
	}
	first, second, third := c.Entries[0].At, c.Entries[1].At, c.Entries[2].At
	if got := second.Sub(first).String(); got != "6h0m0s" {
		t.Errorf("the second comes %s after the first, want 6 hours", got)
	}
	// 16 working hours after Monday's nine o'clock are Tuesday's five o'clock, which
	// is quiet already.
	if third.Before(c.Test.Start.Add(9*24*time.Hour)) || third.After(c.Test.Start.Add(9*24*time.Hour+10*time.Minute)) {
		t.Errorf("the third comes at %s, want on Wednesday morning", third)
	}
}
