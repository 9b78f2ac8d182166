package replay_test

import (
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/dm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/member"
	"github.com/spacekeeper/spacekeeper/internal/reactors/react"
	"github.com/spacekeeper/spacekeeper/internal/reactors/record"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
)

// The rules that we ship pass their own tests.
func TestShippedRules(t *testing.T) {
	t.Parallel()
	hook := webhook.New(webhook.Options{})
	t.Cleanup(hook.Close)
	list := []reactors.Action{
		send.New(nil), send.NewUpdate(nil), send.NewDelete(nil), react.New(nil, react.Options{}), dm.New(nil),
		member.NewAdd(nil), member.NewRemove(nil), hook, record.New(nil),
	}
	paths, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d files, error %v", len(paths), err)
	}
	for _, path := range paths {
		set, err := rules.Load(path, rules.Options{Actions: list})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases(t, set) {
			if !c.Passed() {
				t.Errorf("%s:%d: %s: %q\n%q", path, c.Test.Line, c.Test.Name, c.Mismatches, c.Story())
			}
		}
	}
}

func cases(t *testing.T, set *rules.Set) []replay.CaseResult {
	t.Helper()
	results, err := replay.Cases(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

const tested = `
reactors:
  - id: welcome
    on: member.joined
    wait: 2m
    still: member.messages_in_space == 0
    do: [{say: {text: "Hi {{ member.mention }} in {{ space.display_name }}, {{ space.members }}"}}]
  - id: nudge
    mode: live
    on: message.created
    wait: 2h
    if: "!message.is_reply"
    still: message.exists && message.replies_by_others == 0
    do: [{say: {text: "{{ message.text }}?"}}]
  - id: night
    on: member.joined
    quiet_hours: {zone: Europe/Berlin, allow: 'Mon-Fri 08:00-18:00'}
    do: [{say: {text: "Good morning"}}]
  - id: week
    on: schedule
    cron: 0 9 * * mon
    zone: UTC
    do: [{say: {text: "{{ space.week.messages }} {{ space.week.posters }} {{ space.week.joins }} {{ space.week.leaves }} {{ space.week.top_emoji }}"}}]
  - id: roles
    on: member.role_changed
    do: [{say: {text: "{{ member.previous_role }} to {{ member.role }}"}}]
  - id: never
    mode: "off"
    on: member.joined
    do: [{say: {text: "Hi"}}]
tests:
`

func TestCases(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		test     string
		problems []string
	}{
		"greeted once": {test: `reactor: welcome, given: [join@0, leave@10m, join@20m],
			expect: {sent: 1, already_done: 1, texts: ["Hi <users/1> in this space, 1"]}`},
		"left":                     {test: `reactor: welcome, given: [join@0, leave@1m], expect: {sent: 0, left: 1}`},
		"writes":                   {test: `reactor: welcome, given: [join@0, message@1m], expect: {condition_false: 1}`},
		"as shadow":                {test: `reactor: welcome, given: [join@0], expect: {shadow: 1}`},
		"postponed over a weekend": {test: `reactor: night, start: 2026-01-10T09:00:00Z, given: [join@0], expect: {sent: 1, pending: 0}`},
		"answered": {test: `reactor: nudge, given: [{at: 0, do: message, text: A, thread: spaces/TEST/threads/T},
			{at: 1h, do: message, member: users/2, thread: spaces/TEST/threads/T}], expect: {sent: 0, condition_false: 2}`},
		"an app's answer is none": {test: `reactor: nudge, given: [{at: 0, do: message, text: A, thread: spaces/TEST/threads/T},
			{at: 1h, do: message, bot: true, member: users/2, thread: spaces/TEST/threads/T}], expect: {sent: 1, texts: ["A?"]}`},
		"deleted": {test: `reactor: nudge, given: [message@0, delete@1m], expect: {condition_false: 1}`},
		"a week": {test: `reactor: week, given: [{at: 0, do: message, member: users/9}, {at: 8d, do: message}, message@9d,
			{at: 9d, do: message, member: users/2}, join@9d, {at: 10d, do: join, member: users/3}, leave@10d, react@10d, {at: 11d, do: react, emoji: 🎉}, {at: 12d, do: react, member: users/2}, tick@13d],
			expect: {texts: ["3 2 2 1 👍"]}`},
		"role": {test: `reactor: roles, given: [join@0, {at: 1m, do: role, role: ROLE_MANAGER}], expect: {sent: 1, texts: ["ROLE_MEMBER to ROLE_MANAGER"]}`},

		"sent unexpectedly": {test: `reactor: welcome, given: [join@0], expect: {left: 0}`, problems: []string{"sent: want 0, got 1"}},
		"too few":           {test: `reactor: welcome, given: [join@0, leave@1m], expect: {sent: 1, left: 0}`, problems: []string{"sent: want 1, got 0", "left: want 0, got 1"}},
		"other words": {test: `reactor: nudge, given: [{at: 0, do: message, text: A}, {at: 1m, do: message, text: B}], expect: {texts: ["A?", "C?", "D?"]}`,
			problems: []string{"texts[1]:\n  want \"C?\"\n  got  \"B?\"", "texts[2]:\n  want \"D?\"\n  got nothing"}},
		"too many words": {test: `reactor: nudge, given: [{at: 0, do: message, text: A}], expect: {texts: []}`,
			problems: []string{"texts[0]:\n  want nothing\n  got  \"A?\""}},
		"off": {test: `reactor: never, given: [join@0], expect: {sent: 1}`, problems: []string{"sent: want 1, got 0", "the reactor is off: it does nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := cases(t, parse(t, tested+"  - {name: it, "+tt.test+"}\n"))
			if diff := gocmp.Diff(tt.problems, results[0].Mismatches); diff != "" {
				t.Errorf("problems (-want +got):\n%s\n%q", diff, results[0].Story())
			}
		})
	}
}

func TestStory(t *testing.T) {
	t.Parallel()
	results := cases(t, parse(t, tested+`  - {name: it, reactor: welcome, given: [join@0, leave@10m, join@1d1s, {at: 1d5s, do: join, member: users/2}, {at: 1d6s, do: message, member: users/2}], expect: {}}`))
	want := []string{
		`2m sent users/1 "Hi <users/1> in this space, 1"`,
		`1d1s already_done users/1: once_per: spaces/TEST users/1`,
		`1d2m5s condition_false users/2: still: member.messages_in_space == 0`,
	}
	if diff := gocmp.Diff(want, results[0].Story()); diff != "" {
		t.Errorf("the story (-want +got):\n%s", diff)
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]int64{"0": 0, "250ms": 250, "1m": 60_000, "1d2h3m4s": 93_784_000} {
		if got := replay.After(ms(c)); got != want {
			t.Errorf("After(%d ms) = %s, want %s", c, got, want)
		}
	}
}

// Tests can give whatever happens: guests, groups, apps, what is deleted, and those
// of whom nobody knows what they are.
func TestWhatCanHappenInTests(t *testing.T) {
	t.Parallel()
	set := parse(t, `
reactors:
  - {id: guest, on: member.joined, if: member.known_external, do: [{say: {text: "a guest: {{ member.name }}"}}]}
  - {id: group, on: [group.added, group.removed], do: [{say: {text: "{{ google_group.name }}"}}]}
  - {id: type, on: message.created, bots: true, do: [{say: {text: "{{ member.type == \"\" ? \"unknown\" : member.type }}"}}]}
  - {id: deleted, on: message.deleted, do: [{say: {text: "{{ message.name }}"}}]}
tests:
  - name: a guest
    reactor: guest
    given: [join@0, {at: 1m, do: join, member: users/2, affiliation: EXTERNAL}]
    expect: {texts: ["a guest: users/2"]}
  - name: groups
    reactor: group
    given: [group.added@0, {at: 1m, do: group.removed, group: groups/SALES}]
    expect: {texts: ["groups/TEST", "groups/SALES"]}
  - name: people, apps and those of whom nobody knows
    reactor: type
    given: [message@0, {at: 1m, do: message, bot: true, member: users/2, space: spaces/B}, {at: 10m, do: message, unknown: true, member: users/3}]
    expect: {texts: [HUMAN, BOT, unknown]}
  - name: a deletion
    reactor: deleted
    given: [{at: 0, do: message, message: spaces/TEST/messages/1}, delete@1m]
    expect: {texts: ["spaces/TEST/messages/1"]}
`)
	for _, c := range cases(t, set) {
		if !c.Passed() {
			t.Errorf("%s: %q\n%q", c.Test.Name, c.Mismatches, c.Story())
		}
	}
}

// A test that is made of a run passes as it is made, with the rule that it came of.
func TestAsTestPasses(t *testing.T) {
	t.Parallel()
	const space = "spaces/S"
	digest := reactors.Facts{Space: reactors.SpaceFacts{Week: reactors.WeekFacts{
		Messages: 4, Posters: 2, Joins: 3, Leaves: 1, TopEmoji: "🎉", TopMessages: []reactors.TopMessage{{Reactions: 3}, {Reactions: 2}},
	}}}
	for rule, r := range map[string]struct{ told, known reactors.Facts }{
		`on: schedule, cron: 0 9 * * mon, zone: UTC, if: "space.week.messages == 4 && space.week.posters == 2 && space.week.joins == 3 && ` +
			`space.week.leaves == 1 && space.week.top_emoji == '🎉' && space.week.top_messages[0].reactions == 3"`: {known: digest},
		`on: schedule, cron: 0 9 * * mon, zone: UTC, if: space.week.messages == 0`: {},
		`on: group.added, if: google_group.name == "groups/SALES"`:                 {told: reactors.Facts{GoogleGroup: reactors.GoogleGroupFacts{Name: "groups/SALES"}}},
		`on: member.joined, if: member.type == ""`:                                 {told: reactors.Facts{Member: reactors.MemberFacts{Name: "users/7"}}},
		`on: member.joined, if: member.type == "HUMAN" && member.known_external`: {
			told:  reactors.Facts{Member: reactors.MemberFacts{Name: "users/7"}},
			known: reactors.Facts{Member: reactors.MemberFacts{Name: "users/7", Type: "HUMAN", Affiliation: "EXTERNAL"}},
		},
	} {
		src := "reactors:\n  - {id: it, " + rule + `, do: [{say: {text: Hello}}]}` + "\n"
		run := reactors.Run{
			ID: 1, Reactor: "it", Trigger: parse(t, src).Rule("it", space).On[0], Space: space, Outcome: reactors.Sent,
			EventTime: time.Date(2026, 1, 12, 9, 0, 0, 0, time.UTC), Facts: r.told,
		}
		run.Facts.Space.Name, r.known.Space.Name = space, space
		made, _, err := replay.AsTest(run, r.known, []reactors.Run{run})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases(t, parse(t, src+string(made))) {
			if !c.Passed() {
				t.Errorf("%s: %q\n%s", rule, c.Mismatches, made)
			}
		}
	}
}
