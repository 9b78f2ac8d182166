package rules_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// two asks for two sends, or for nothing if its text is empty.
type two struct{ send }

func (two) Name() string        { return "two" }
func (two) Kind() reactors.Kind { return reactors.Composes }

func (t two) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p, err := t.send.Prepare(params, c)
	if params.(*sendParams).Text.Value != "nothing" {
		p.Instead = []reactors.Request{{Action: "send", Label: "a", Body: p.Body}, {Action: "send", Label: "b", Body: p.Body}}
	}
	return p, err
}

// What an action asks for takes its place, so that each waits for its own turn.
func TestComposedRequests(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"hello":   {"send 0.0", "send a", "send b"},
		"nothing": {"send 0.0", "two 0.1"},
	} {
		set, err := rules.Parse("reactors.yaml", []byte(`
reactors:
  - {id: twice, on: member.joined, do: [{send: {text: first}}, {two: {text: "`+text+`"}}]}
`), rules.Options{Actions: []reactors.Action{send{}, two{}}})
		if err != nil {
			t.Fatal(err)
		}
		requests, err := set.Rule("twice", "").Render(t.Context(), reactors.Run{}, reactors.Facts{}, time.Now(), false)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range requests {
			got = append(got, r.Action+" "+r.Label)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// watch does nothing in Chat.
type watch struct{ send }

func (watch) Name() string        { return "watch" }
func (watch) Kind() reactors.Kind { return reactors.Observes }

// A rule observes if all that it does does.
func TestObserves(t *testing.T) {
	t.Parallel()
	for do, want := range map[string]bool{
		"do: [{watch: {text: a}}]":                                                                 true,
		"do: [{watch: {text: a}}, {send: {text: a}}]":                                              false,
		"do: [{watch: {text: a}}], collapse: {window: 1m, over: 3, do: [{send: {text: a}}]}":       false,
		"sequence: [{after: 1m, do: [{watch: {text: a}}]}, {after: 2m, do: [{send: {text: a}}]}]":  false,
		"sequence: [{after: 1m, do: [{watch: {text: a}}]}, {after: 2m, do: [{watch: {text: a}}]}]": true,
	} {
		set, err := rules.Parse("reactors.yaml", []byte("reactors: [{id: a, on: member.joined, "+do+"}]"), rules.Options{Actions: []reactors.Action{send{}, watch{}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Rule("a", "").Observes(); got != want {
			t.Errorf("%s: Observes() = %v, want %v", do, got, want)
		}
	}
}

// forward is send to another space.
type forward struct{ send }

func (forward) Name() string      { return "forward" }
func (forward) ActsIn(any) string { return "spaces/OTHER" }

// A rule may loop if it minds apps, does something in Chat, and would do it for
// each message or event: in the space of its trigger if it does anything there, or
// else in another.
func TestActsIn(t *testing.T) {
	t.Parallel()
	const here, other = "spaces/HERE", "spaces/OTHER"
	for keys, want := range map[string]string{
		"on: message.created, bots: true, do: [{send: {text: a}}]":                         here,
		"on: message.created, do: [{send: {text: a}}]":                                     "",
		"on: message.created, bots: true, do: [{watch: {text: a}}]":                        "",
		"on: message.created, bots: true, once_per: [thread], do: [{send: {text: a}}]":     here,
		"on: message.created, bots: true, once_per: [space, day], do: [{send: {text: a}}]": "",
		"on: member.joined, bots: true, do: [{send: {text: a}}]":                           "",
		"on: member.joined, bots: true, once_per: [event, space], do: [{send: {text: a}}]": here,
		"on: reaction.added, bots: true, do: [{send: {text: a}}]":                          here,
		"on: message.created, bots: true, do: [{forward: {text: a}}]":                      other,
		"on: message.created, bots: true, do: [{watch: {text: a}}, {forward: {text: a}}]":  other,
		"on: message.created, bots: true, do: [{forward: {text: a}}, {send: {text: a}}]":   here,
		"on: message.created, bots: true, do: [{send: {text: a}}, {forward: {text: a}}]":   here,
		"on: message.created, do: [{forward: {text: a}}]":                                  "",
	} {
		actions := []reactors.Action{send{}, watch{}, forward{}}
		set, err := rules.Parse("reactors.yaml", []byte("reactors: [{id: a, "+keys+"}]"), rules.Options{Actions: actions})
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Rule("a", "").ActsIn(here); got != want {
			t.Errorf("%s: acts in %q, want %q", keys, got, want)
		}
	}
}
