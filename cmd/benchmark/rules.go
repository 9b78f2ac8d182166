package main

import (
	"fmt"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
)

// ruleSet is the welcome that every measurement has and, for ruled, a hundred
// more that the traffic never triggers: of other kinds of events, and of spaces
// in which nothing happens.
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
    if: "member.is_external && member.name != 'users/%[1]d'"
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
	return rules.Parse("benchmark", []byte(b.String()), rules.Options{Actions: []reactors.Action{send.New(nil)}})
}
