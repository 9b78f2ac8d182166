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

	Affiliation string            `yaml:"affiliation,omitempty"`
	Command     int               `yaml:"command,omitempty"`
	Function    string            `yaml:"function,omitempty"`
	Parameters  map[string]string `yaml:"parameters,omitempty"`
}

// AsTest writes a test for a file of rules that expects what has become of a run,
// and of the other steps for its subject among the same rule's runs; and counts
// those that still wait.
func AsTest(run reactors.Run, same []reactors.Run) (text []byte, waiting int, err error) {
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
	document := testDocument{[]testCase{{
		Name: fmt.Sprintf("as in run %d", run.ID), Reactor: run.Reactor, Start: run.EventTime.Format(time.RFC3339Nano),
		Inputs: inputsOf(run), Expect: expect,
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
func inputsOf(run reactors.Run) []testInput {
	f := run.Facts
	inputs := []testInput{{
		At: "0", Do: string(run.Trigger), Space: f.Space.Name, Member: f.Member.Name, Role: f.Member.Role, Bot: f.Member.Type == "BOT",
		Message: f.Message.Name, Thread: f.Message.Thread, Text: f.Message.Text, Emoji: f.Reaction.Emoji,
		Affiliation: f.Member.Affiliation, Command: f.Command.ID, Function: f.Card.Function, Parameters: f.Card.Parameters,
	}}
	if run.Outcome == reactors.Left {
		waited := max(0, run.Due.Sub(run.EventTime))
		inputs = append(inputs, testInput{At: After(waited), Do: string(reactors.MemberLeft), Space: f.Space.Name, Member: f.Member.Name})
	}
	return inputs
}
