package rules_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// send is an action with all that parameters can be made of.
type send struct{ digest string }

type sendParams struct {
	To    string                        `yaml:"to" doc:"Where to."`
	Text  reactors.ChatText             `yaml:"text" doc:"What to say."`
	Card  reactors.Card                 `yaml:"card"`
	Key   reactors.PlainText            `yaml:"key"`
	Times int                           `yaml:"times"`
	Pause time.Duration                 `yaml:"pause"`
	More  []reactors.ChatText           `yaml:"more"`
	Named map[string]reactors.PlainText `yaml:"named"`
	Of    string                        `yaml:"of"`
	Sub   *struct {
		Text reactors.ChatText `yaml:"text"`
	} `yaml:"sub"`

	Digest string `yaml:"-"`
}

func (send) Name() string        { return "send" }
func (send) Kind() reactors.Kind { return reactors.Acts }
func (send) Params() any         { return &sendParams{To: "space"} }

func (s send) Check(params any) []reactors.ParamError {
	p := params.(*sendParams)
	p.Digest = s.digest
	var list []reactors.ParamError
	if p.To != "space" && p.To != "private" {
		list = append(list, reactors.ParamError{Field: "to", Message: "to must be space or private", Suggestion: "leave it out for space"})
	}
	if len(p.Text.Source) > 32_000 {
		list = append(list, reactors.ParamError{Field: "text", Message: "a message holds at most 32,000 bytes"})
	}
	if p.Text.Source == "" && p.Card.Source == nil {
		list = append(list, reactors.ParamError{Message: "it needs text or a card"})
	}
	return list
}

func (send) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*sendParams)
	if p.To == "private" && c.Run.Member == "" {
		return reactors.Prepared{}, fmt.Errorf("prepare %q: there is nobody to send it to: the trigger has no member", c.Label)
	}
	body := map[string]any{"to": p.To, "text": p.Text.Value, "label": c.Label, "key": p.Key.Value}
	if p.Card.Value != nil {
		body["card"] = p.Card.Value
	}
	for _, m := range p.More {
		body["text"] = body["text"].(string) + "|" + m.Value
	}
	for k, v := range p.Named {
		body["named."+k] = v.Value
	}
	if p.Sub != nil {
		body["sub"] = p.Sub.Text.Value
	}
	return c.Encode(body, "a message to "+p.To)
}

func (send) Act(context.Context, json.RawMessage) (reactors.Result, error) {
	return reactors.Result{}, nil
}

// react can't be done by the app itself.
type react struct{}

type reactParams struct {
	Emoji string `yaml:"emoji"`
}

func (react) Name() string        { return "react" }
func (react) Kind() reactors.Kind { return reactors.Acts }
func (react) Params() any         { return &reactParams{} }

func (react) Check(any) []reactors.ParamError {
	return []reactors.ParamError{{Message: "the app itself can't react, only a person", Suggestion: "set auth mode: user"}}
}

func (react) Prepare(any, reactors.PrepareContext) (reactors.Prepared, error) {
	return reactors.Prepared{Body: json.RawMessage(`{}`)}, nil
}

func (react) Act(context.Context, json.RawMessage) (reactors.Result, error) {
	return reactors.Result{}, nil
}

func (send) Settled(context.Context, json.RawMessage) (bool, error) { return false, nil }

func (react) Settled(context.Context, json.RawMessage) (bool, error) { return false, nil }

func options(files map[string]string) rules.Options {
	return rules.Options{
		Actions: []reactors.Action{send{}, react{}},
		ReadFile: func(name string) ([]byte, error) {
			if s, ok := files[name]; ok {
				return []byte(s), nil
			}
			return nil, os.ErrNotExist
		},
	}
}

func parse(t testing.TB, src string) *rules.Set {
	t.Helper()
	s, err := rules.Parse("reactors.yaml", []byte(src), options(nil))
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return s
}

// replace changes the one place in a file that holds old.
func replace(src, old, with string) string { return strings.Replace(src, old, with, 1) }
