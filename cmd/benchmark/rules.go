package main

import (
	"fmt"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
)

// refusing are conditions that no message of the traffic meets.
var refusing = []string{
	`message.text.contains('product %d')`,
	`message.text.matches('(?i)\\bcase #%d\\b') && !message.is_reply`,
	`message.text.lowerAscii().contains('urgent %d') || message.text.startsWith('!urgent%[1]d')`,
	`member.name == 'users/nobody-%d' && member.messages_in_space > 3`,
	`message.text.startsWith('/order') && message.text.endsWith('%d')`,
}

// ruleSet is the welcome that every measurement has and, for ruled, a hundred
// more that the traffic never triggers: of other kinds of events, and of spaces
// in which nothing happens. Or there are more that refuse each message.
func ruleSet(d design) (*rules.Set, error) {
	var b strings.Builder
	b.WriteString(`
reactors:
  - {id: welcome, mode: live, on: member.joined, do: [{send: {to: private, text: "Welcome, {{ member.mention }}!"}}]}
`)
	if d == ruled {
		for i := range 50 {
			fmt.Fprintf(&b, `  - id: left-%d
    mode: live
    on: member.left
    if: "member.name.startsWith('users/x') && member.name != 'users/%[1]d'"
    do: [{send: {text: Bye}}]
  - id: elsewhere-%[1]d
    mode: live
    on: message.created
    spaces: [spaces/ELSEWHERE%[1]d]
    if: "message.text.contains('help')"
    do: [{send: {text: Help}}]
`, i)
		}
	}
	for i := range map[design]int{hundred: 100, thousand: 1000}[d] {
		fmt.Fprintf(&b, "  - id: refusing-%d\n    mode: live\n    on: message.created\n    if: %q\n    do: [{send: {text: Hi}}]\n",
			i, fmt.Sprintf(refusing[i%len(refusing)], i))
	}
	return rules.Parse("benchmark", []byte(b.String()), rules.Options{Actions: []reactors.Action{send.New(nil)}})
}
