package replay_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
)

const worded = `
reactors:
  - id: looking
    on: reaction.added
    if: reaction.emoji == "👀" && message.text.contains("vpn")
    do: [{send: {to: thread, text: "{{ member.mention }} looks at {{ message.author_mention }}'s: {{ message.text }}"}}]
  - id: popular
    on: reaction.added
    if: message.reactions["👍"] >= 3
    do: [{say: {text: "{{ message.permalink }}"}}]
  - id: busy
    on: message.created
    if: space.messages_last("10m") >= 3
    limit: {per_space: 1/10m}
    do: [{say: {text: "busy"}}]
  - id: unanswered
    on: message.created
    if: message.text.contains("?")
    wait: 4h
    still: '!message.answered(["✅"])'
    do: [{say: {text: "unanswered"}}]
  - id: changed
    on: message.edited
    if: message.text_changed
    do: [{say: {text: "{{ message.previous_text }} to {{ message.text }}"}}]
  - id: guest
    on: member.joined
    if: member.maybe_external
    do: [{say: {text: "{{ member.known_external }}"}}]
  - id: bye
    on: member.left
    bots: true
    if: member.type == "HUMAN"
    do: [{say: {text: "bye"}}]
  - id: helper
    on: [app.mentioned, app.messaged]
    do: [{send: {to: thread, text: "You said {{ message.text }}"}}]
  - id: ask
    on: command
    if: command.id == 3
    do: [{send: {to: private, text: "{{ message.text }}"}}]
  - id: approve
    on: card.clicked
    if: card.function == "approve"
    do: [{send: {to: thread, text: "{{ member.mention }} approves {{ card.parameters['id'] }}"}}]
  - id: digest
    on: schedule
    cron: 0 9 * * mon
    zone: UTC
    do: [{say: {text: "{{ space.week.top_messages }}"}}]
tests:
`

// The words that rules have, in tests of their own: these follow from events as
// bare as Google's.
func TestWords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]string{
		"who looks at it": `reactor: looking, given: [{at: 0, do: message, text: the vpn is down}, {at: 1m, do: react, emoji: 👀, member: users/2}],
			expect: {texts: ["<users/2> looks at <users/1>'s: the vpn is down"]}`,
		"of another text": `reactor: looking, given: [{at: 0, do: message, text: hello}, {at: 1m, do: react, emoji: 👀, member: users/2}], expect: {condition_false: 1}`,
		"as it says now": `reactor: looking, given: [{at: 0, do: message, text: vnp}, {at: 1m, do: edit, text: vpn}, {at: 2m, do: react, emoji: 👀, member: users/2}],
			expect: {texts: ["<users/2> looks at <users/1>'s: vpn"]}`,

		"popular once": `reactor: popular, given: [{at: 0, do: message, message: spaces/TEST/messages/T.M}, react@1m, {at: 2m, do: react, member: users/2},
			{at: 3m, do: react, member: users/3, emoji: 👍🏽}, {at: 4m, do: react, member: users/4}], expect: {texts: ["https://chat.google.com/room/TEST/T/M"], already_done: 1}`,
		"taken back": `reactor: popular, given: [message@0, react@1m, {at: 2m, do: react, member: users/2}, {at: 3m, do: unreact, member: users/2},
			{at: 4m, do: react, member: users/3}], expect: {sent: 0, condition_false: 3}`,

		"busy once": `reactor: busy, given: [message@0, message@5m, message@9m, message@10m], expect: {sent: 1, rate_limited: 1, condition_false: 2}`,
		"not busy":  `reactor: busy, given: [message@0, message@5m, message@11m], expect: {sent: 0}`,

		"a reply":                `reactor: unanswered, given: [{at: 0, do: message, text: "?", thread: a}, {at: 1h, do: message, member: users/2, thread: a}], expect: {sent: 0}`,
		"a reply that is gone":   `reactor: unanswered, given: [{at: 0, do: message, text: "?", thread: a}, {at: 1h, do: message, member: users/2, thread: a}, delete@2h], expect: {sent: 1}`,
		"an app's reply":         `reactor: unanswered, given: [{at: 0, do: message, text: "?", thread: a}, {at: 1h, do: message, bot: true, member: users/2, thread: a}], expect: {sent: 1}`,
		"a quote":                `reactor: unanswered, given: [{at: 0, do: message, text: "?", message: m}, {at: 1h, do: message, member: users/2, quotes: m}], expect: {sent: 0}`,
		"a chosen reaction":      `reactor: unanswered, given: [{at: 0, do: message, text: "?"}, {at: 1h, do: react, member: users/2, emoji: ✅}], expect: {sent: 0}`,
		"another reaction":       `reactor: unanswered, given: [{at: 0, do: message, text: "?"}, {at: 1h, do: react, member: users/2, emoji: 👀}], expect: {sent: 1}`,
		"one's own":              `reactor: unanswered, given: [{at: 0, do: message, text: "?"}, {at: 1h, do: react, emoji: ✅}], expect: {sent: 1}`,
		"one that is taken back": `reactor: unanswered, given: [{at: 0, do: message, text: "?"}, {at: 1h, do: react, member: users/2, emoji: ✅}, {at: 2h, do: unreact, member: users/2, emoji: ✅}], expect: {sent: 1}`,

		"an edit":   `reactor: changed, given: [{at: 0, do: message, text: A}, {at: 1m, do: edit, text: B}], expect: {texts: ["A to B"]}`,
		"a preview": `reactor: changed, given: [{at: 0, do: message, text: A}, {at: 1m, do: edit, text: A}, {at: 2m, do: edit, text: C}], expect: {texts: ["A to C"], condition_false: 1}`,

		"a guest":               `reactor: guest, given: [{at: 0, do: join, affiliation: EXTERNAL}], expect: {texts: ["true"]}`,
		"a colleague":           `reactor: guest, given: [{at: 0, do: join, affiliation: INTERNAL}], expect: {sent: 0, condition_false: 1}`,
		"of whom nobody knows":  `reactor: guest, given: [join@0], expect: {texts: ["false"]}`,
		"a person leaves":       `reactor: bye, given: [leave@0], expect: {sent: 1}`,
		"an app leaves":         `reactor: bye, given: [{at: 0, do: leave, bot: true}], expect: {sent: 0, condition_false: 1}`,
		"an app that was known": `reactor: bye, given: [{at: 0, do: join, bot: true}, leave@1m], expect: {sent: 0, condition_false: 1}`,
		"the app is mentioned":  `reactor: helper, given: [{at: 0, do: app.mentioned, text: hi}], expect: {texts: ["You said hi"]}`,
		"the app is written to": `reactor: helper, given: [{at: 0, do: app.messaged, text: hi}], expect: {texts: ["You said hi"]}`,
		"a command":             `reactor: ask, given: [{at: 0, do: command, command: 3, text: /ask why}], expect: {texts: ["/ask why"]}`,
		"another command":       `reactor: ask, given: [{at: 0, do: command, command: 4}], expect: {sent: 0, condition_false: 1}`,
		"a button":              `reactor: approve, given: [{at: 0, do: card.clicked, function: approve, parameters: {id: "7"}, member: users/2}], expect: {texts: ["<users/2> approves 7"]}`,
		"another button":        `reactor: approve, given: [{at: 0, do: card.clicked, function: reject}], expect: {sent: 0, condition_false: 1}`,
		"the best of the week": `reactor: digest, given: [{at: 0, do: message, text: one}, react@1m, {at: 2m, do: message, text: two, member: users/2}, react@3m, {at: 4m, do: react, emoji: 🎉}, tick@7d],
			expect: {texts: ["1. <https://chat.google.com/room/TEST|two> by <users/2> (2 reactions)\n2. <https://chat.google.com/room/TEST|one> by <users/1> (1 reaction)"]}`,
		"nothing of note": `reactor: digest, given: [tick@0], expect: {texts: [none]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := cases(t, parse(t, worded+"  - {name: it, "+test+"}\n", &say{}, send.New(nil)))
			if diff := gocmp.Diff([]string(nil), results[0].Mismatches); diff != "" {
				t.Errorf("problems (-want +got):\n%s\n%q", diff, results[0].Story())
			}
		})
	}
}
