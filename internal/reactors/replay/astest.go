package replay

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// testDocument is a test of a file of rules.
type testDocument struct {
	Tests []testCase `yaml:"tests"`
}

type testCase struct {
	Name    string                   `yaml:"name"`
	Reactor string                   `yaml:"reactor"`
	Start   string                   `yaml:"start"`
	Inputs  []testInput              `yaml:"given"`
	Expect  map[reactors.Outcome]int `yaml:"expect"`
}

type testInput struct {
	At      string `yaml:"at"`
	Do      string `yaml:"do"`
	Space   string `yaml:"space,omitempty"`
	Member  string `yaml:"member,omitempty"`
	Role    string `yaml:"role,omitempty"`
	Bot     bool   `yaml:"bot,omitempty"`
	Message string `yaml:"message,omitempty"`
	Thread  string `yaml:"thread,omitempty"`
	Text    string `yaml:"text,omitempty"`
	Emoji   string `yaml:"emoji,omitempty"`
	Unknown bool   `yaml:"unknown,omitempty"`
	Group   string `yaml:"group,omitempty"`

	Affiliation string            `yaml:"affiliation,omitempty"`
	Command     int               `yaml:"command,omitempty"`
	Function    string            `yaml:"function,omitempty"`
	Parameters  map[string]string `yaml:"parameters,omitempty"`
}

// AsTest writes a test for a file of rules that expects what has become of a run,
// and of the other steps for its subject among the same rule's runs; and counts
// those that still wait. Known are the facts that the run was decided by, of its member
// and of its space's week.
func AsTest(run reactors.Run, known reactors.Facts, same []reactors.Run) (text []byte, waiting int, err error) {
	if _, ok := expectedOf(run.Outcome); !ok {
		return nil, 0, fmt.Errorf("run %d is %s: that doesn't come of its event alone, so no test can be made of it", run.ID, run.Outcome)
	}
	expect := map[reactors.Outcome]int{reactors.Sent: 0}
	for _, r := range same {
		if r.Subject != run.Subject || r.Shadow != run.Shadow {
			continue
		}
		if o, ok := expectedOf(r.Outcome); ok {
			expect[o]++
		} else if r.Outcome == reactors.Pending {
			waiting++
		}
	}
	inputs := inputsOf(run, known)
	start := run.EventTime
	if run.Trigger == reactors.Schedule {
		week := weekOf(known.Space)
		if len(week) > 0 {
			start, inputs[0].At = start.Add(-time.Hour), After(time.Hour)
		}
		inputs = append(week, inputs...)
	}
	document := testDocument{[]testCase{{
		Name: fmt.Sprintf("as in run %d", run.ID), Reactor: run.Reactor, Start: start.Format(time.RFC3339Nano),
		Inputs: inputs, Expect: expect,
	}}}
	text, err = yaml.MarshalWithOptions(document, yaml.IndentSequence(true))
	if err != nil {
		return nil, 0, fmt.Errorf("write a test: %w", err)
	}
	return text, waiting, nil
}

// expectedOf is how a run ends in a test; false if its event alone doesn't make
// it end so.
func expectedOf(o reactors.Outcome) (reactors.Outcome, bool) {
	switch o {
	case reactors.Sent, reactors.Shadowed: // in a test, rules in shadow count as live
		return reactors.Sent, true
	case reactors.ConditionFalse, reactors.Left, reactors.Stopped, reactors.Quiet:
		return o, true
	}
	return "", false
}

// inputsOf is the run's event, and what must have happened after it.
func inputsOf(run reactors.Run, known reactors.Facts) []testInput {
	f := run.Facts
	inputs := []testInput{{
		At: "0", Do: string(run.Trigger), Space: f.Space.Name, Member: f.Member.Name, Role: f.Member.Role,
		Bot: known.Member.Type == "BOT", Unknown: f.Member.Name != "" && known.Member.Type == "", Group: f.GoogleGroup.Name,
		Message: f.Message.Name, Thread: f.Message.Thread, Text: f.Message.Text, Emoji: f.Reaction.Emoji,
		Affiliation: known.Member.Affiliation, Command: f.Command.ID, Function: f.Card.Function, Parameters: f.Card.Parameters,
	}}
	if run.Outcome == reactors.Left {
		waited := max(0, run.Due.Sub(run.EventTime))
		inputs = append(inputs, testInput{At: After(waited), Do: string(reactors.MemberLeft), Space: f.Space.Name, Member: f.Member.Name})
	}
	return inputs
}

// maxShown is how many events of a week a test has of each sort: it is for people to
// read, and rules compare with small numbers.
const maxShown = 20

// weekOf is what people did in a space, as many as its week counts: a digest has
// something to tell.
func weekOf(space reactors.SpaceFacts) (inputs []testInput) {
	w := space.Week
	add := func(count int, input func(i int) testInput) {
		for i := range min(count, maxShown) {
			in := input(i + 1)
			in.At, in.Space = "0", space.Name
			inputs = append(inputs, in)
		}
	}
	message := func(i int) string { return fmt.Sprintf("%s/messages/T%d.M%d", space.Name, i, i) }
	add(w.Joins, func(i int) testInput { return testInput{Do: "join", Member: fmt.Sprintf("users/%d", i)} })
	add(w.Leaves, func(i int) testInput { return testInput{Do: "leave", Member: fmt.Sprintf("users/%d", i)} })
	add(max(w.Messages, len(w.TopMessages)), func(i int) testInput {
		return testInput{Do: "message", Member: fmt.Sprintf("users/%d", (i-1)%max(w.Posters, 1)+1), Message: message(i)}
	})
	for i, m := range w.TopMessages {
		add(m.Reactions, func(by int) testInput {
			return testInput{Do: "react", Member: fmt.Sprintf("users/%d", by), Message: message(i + 1), Emoji: w.TopEmoji}
		})
	}
	return inputs
}
