package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// What is allowed and can hardly be meant is said, where it stands, and what may be
// meant instead; what is meant as it stands isn't doubted.
func TestDoubts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, on, rule string
		spaces         []string // what known spaces are called
		want           []string // line, column, message and fix
	}{
		{name: "nothing", rule: `do: [{send: {text: "*bold*, 2 ** 3, [1] (https://example.com)"}}]`},
		{name: "bold", rule: `do: [{send: {text: "This is **bold**"}}]`, want: []string{
			"4:33 do[0].send.text: Chat shows the asterisks; bold is *one asterisk* on each side"}},
		{name: "link", rule: `do: [{send: {text: "See [this](https://example.com)"}}]`, want: []string{
			"4:29 do[0].send.text: Chat shows the brackets; a link is <https://example.com/|its text>"}},
		{name: "bold around a placeholder", rule: `do: [{send: {text: "**Welcome {{ member.mention }}**"}}]`, want: []string{
			"4:25 do[0].send.text: Chat shows the asterisks; bold is *one asterisk* on each side"}},
		{name: "single braces", rule: `do: [{send: {text: "Welcome {member.mention}, {{ \"{member.mention}\" }} {{{{ member.name }} {x.y} {space}"}}]`, want: []string{
			"4:33 do[0].send.text: it is sent as it stands; a placeholder has two braces on each side: {{ member.mention }}"}},
		{name: "single braces in a card", rule: `do: [{send: {card: {header: {title: "{space.display_name}", imageUrl: "https://e.com/{space.name}"}}}}]`, want: []string{
			"4:42 do[0].send.card[0].card.header.title: it is sent as it stands; a placeholder has two braces on each side: {{ space.display_name }}"}},
		{name: "HTML and a heading", rule: `do: [{send: {text: "# Hi <b>you</b>"}}]`, want: []string{
			"4:25 do[0].send.text: Chat shows the #; there are no headings; bold is *one asterisk* on each side",
			"4:30 do[0].send.text: Chat shows the tag; bold is *one asterisk* on each side, a link is <https://example.com/|its text>",
			"4:36 do[0].send.text: Chat shows the tag; bold is *one asterisk* on each side, a link is <https://example.com/|its text>"}},
		{name: "no markup", rule: `do: [{send: {text: "#1 a < b > c <https://example.com|b> <users/all> 2 # 3"}}]`},
		{name: "names for people", rule: `do: [{send: {text: "@{{ member.display_name }}, {{ member.name }} in {{ space.name }}, https://e.com/{{ space.name }}"}}]`, want: []string{
			"4:26 do[0].send.text: an @ before a placeholder mentions nobody; write {{ member.mention }} alone",
			"4:53 do[0].send.text: people read users/123456789 here; write {{ member.mention }}",
			"4:74 do[0].send.text: people read spaces/AAQAtX4kZ1c here; write {{ space.display_name }}"}},
		{name: "hours of UTC", rule: `if: now.getHours() >= 9`, want: []string{
			`4:21 if: getHours() is that of UTC; name a zone, as in getHours("Europe/Berlin"), or "UTC"`}},
		{name: "emoji", on: "reaction.added", rule: `if: reaction.emoji in [":eyes:", "👍", ":party-parrot:"]`, want: []string{
			`4:28 if: :eyes: is an emoji of your own organization, if there is one of that name; did you mean 👀?`}},
		{name: "name of a space", rule: `if: space.display_name == "Supprt team"`, spaces: []string{"Support team", "Sales"}, want: []string{
			`4:31 if: no space that is known is called "Supprt team"; did you mean Support team?`}},
		{name: "name of a space in a placeholder", rule: "spaces:\n  match: space.display_name in [\"Sales\", \"Supprt\"]", spaces: []string{"Support team", "Sales"}, want: []string{
			`5:46 spaces.match: no space that is known is called "Supprt"; `}},
		{name: "name of a space that is known", rule: `if: space.display_name == "Sales"`, spaces: []string{"Sales"}},
		{name: "name of a space that nobody can know", rule: `if: space.display_name == "Sales"`},
		{name: "both kinds of days", on: "schedule", rule: "cron: 0 9 1-7 * MON\nzone: UTC", want: []string{
			`4:11 cron: it falls due on each of these days of the month, and on each of these days of the week as well; ` +
				`to have both, leave one of them * and ask for it in if, as in now.getDayOfWeek("Europe/Berlin") == 1`}},
		{name: "both kinds of days, one with a step", on: "schedule", rule: "cron: 0 9 */2 * MON\nzone: UTC", want: []string{
			`4:11 cron: it falls due on each of these days of the month, and on each of these days of the week as well; ` +
				`to have both, leave one of them * and ask for it in if, as in now.getDayOfWeek("Europe/Berlin") == 1`}},
		{name: "a step that may not be later", rule: "sequence:\n  - {after: {working: 8h, hours: Mon-Fri 09:00-17:00, zone: UTC}, do: [{send: {text: a}}]}\n" +
			"  - {after: 2d, do: [{send: {text: a}}]}", want: []string{
			"6:17 sequence[1].after: from some days on this is no later than 8h of Mon-Fri 09:00-17:00 UTC, that of the step before; "}},
		{name: "working time that is later", rule: "sequence:\n  - {after: 24h, do: [{send: {text: a}}]}\n" +
			"  - {after: {working: 16h, hours: Mon-Fri 09:00-17:00, zone: UTC}, do: [{send: {text: a}}]}"},
		{name: "one kind of days", on: "schedule", rule: "cron: 0 9 * * MON\nzone: UTC"},
	} {
		o := options(nil)
		o.SpaceNames = c.spaces
		set, err := rules.Parse("reactors.yaml", []byte(mistake{on: c.on, rule: c.rule}.source()), o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, m := range set.Doubts() {
			got = append(got, fmt.Sprintf("%d:%d %s; %s", m.Line, m.Column, m.Message, m.Fix))
		}
		if diff := cmp.Diff(slices.Clip(c.want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// A text with very many of one kind gets a number of doubts that somebody reads.
func TestDoubtsAreFew(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("**b** {member.name} ", 1500)
	set := parse(t, "reactors: [{id: a, on: member.joined, do: [{send: {text: \""+text+"\"}}]}]")
	if got := len(set.Doubts()); got == 0 || got > 40 {
		t.Errorf("%d doubts, want a few of each kind", got)
	}
}
