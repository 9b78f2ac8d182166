package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Input is what a module gets.
type Input struct {
	Facts  reactors.Facts    `json:"facts"` // by the names that rules use; what isn't known, or wasn't asked for, is left out
	Run    InputRun          `json:"run"`
	Config map[string]string `json:"config"`
}

// InputRun is the run that a module decides about.
type InputRun struct {
	Reactor string `json:"reactor"`
	Subject string `json:"subject"`
	Step    int    `json:"step"`
}

func inputOf(p *Params, c reactors.PrepareContext) Input {
	return Input{
		Facts:  c.Facts,
		Run:    InputRun{Reactor: c.Run.Reactor, Subject: c.Run.Subject, Step: c.Run.Step},
		Config: p.Config,
	}
}

// Output is what a module answers with.
type Output struct {
	// Do are the actions, each a name with its parameters as in a rule. It must
	// be there; [] is for nothing to do. At most 16.
	Do []map[string]json.RawMessage `json:"do"`
	// Note is a code for people who look at the run, such as not-a-question:
	// letters, digits, - and _, at most 40. It can't hold what people wrote.
	Note string `json:"note,omitempty"`
}

const maxActions = 16

var noteForm = regexp.MustCompile(`^[A-Za-z0-9_-]{0,40}$`)

// readOutput reads an answer. Errors quote nothing of it.
func readOutput(raw []byte) (Output, error) {
	var o Output
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil || !ends(dec) || o.Do == nil {
		return Output{}, errors.New(`its answer isn't {"do": […], "note": "…"}`)
	}
	if len(o.Do) > maxActions {
		return Output{}, fmt.Errorf("its answer asks for %d actions, more than %d", len(o.Do), maxActions)
	}
	if !noteForm.MatchString(o.Note) {
		return Output{}, errors.New("its answer's note isn't a code of letters, digits, - and _, at most 40")
	}
	return o, nil
}

func ends(dec *json.Decoder) bool {
	_, err := dec.Token()
	return errors.Is(err, io.EOF)
}

// prepare prepares one action of an answer.
func (a *Action) prepare(do map[string]json.RawMessage, c reactors.PrepareContext, label string) (reactors.Request, error) {
	if len(do) != 1 {
		return reactors.Request{}, errors.New("isn't one action with its parameters")
	}
	for name, raw := range do {
		delegate, known := a.delegates[name]
		if !known {
			return reactors.Request{}, errors.New("names an action that modules can't ask for")
		}
		params := delegate.Params()
		if err := decode(raw, params, people(c.Facts)); err != nil {
			return reactors.Request{}, fmt.Errorf("the parameters of %s: %w", name, err)
		}
		if mistakes := delegate.Check(params); len(mistakes) > 0 {
			return reactors.Request{}, fmt.Errorf("the parameters of %s: there is something wrong with %q", name, mistakes[0].Field)
		}
		c.Label = label
		prepared, err := delegate.Prepare(params, c)
		if err != nil {
			return reactors.Request{}, err
		}
		return reactors.Request{
			Action: name, Label: label, Body: prepared.Body, Write: prepared.Write, Effect: prepared.Effect,
			To: prepared.To, Quota: prepared.Quota,
		}, nil
	}
	return reactors.Request{}, nil // there is one
}

// people are those whom the facts name.
func people(f reactors.Facts) []string {
	return append([]string{f.Member.Name}, f.Group.Members...)
}
