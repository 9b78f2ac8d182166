package replay_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// say is an action that notes what it says.
type say struct {
	mu   sync.Mutex
	said []string
}

type sayParams struct {
	Text reactors.ChatText `yaml:"text"`
	To   string            `yaml:"to"`
}

func (*say) ActsIn(params any) string { return params.(*sayParams).To }

type sayRequest struct {
	Text string `json:"text"`
	ID   string `json:"id"`
}

func (*say) Name() string                    { return "say" }
func (*say) Params() any                     { return &sayParams{} }
func (*say) Kind() reactors.Kind             { return reactors.Acts }
func (*say) Check(any) []reactors.ParamError { return nil }

func (*say) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	return c.Encode(sayRequest{params.(*sayParams).Text.Value, c.IDs.Request(c.Label)}, "a message")
}

func (s *say) Act(_ context.Context, raw json.RawMessage) (reactors.Result, error) {
	var r sayRequest
	if err := json.Unmarshal(raw, &r); err != nil {
		return reactors.Result{}, reactors.Permanent(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, r.Text)
	return reactors.Result{}, nil
}

func (*say) Settled(context.Context, json.RawMessage) (bool, error) { return false, nil }

func parse(t testing.TB, src string, actions ...reactors.Action) *rules.Set {
	t.Helper()
	if len(actions) == 0 {
		actions = []reactors.Action{&say{}}
	}
	set, err := rules.Parse("reactors.yaml", []byte(src), rules.Options{Actions: actions})
	if err != nil {
		t.Fatalf("parse:\n%v\n%s", err, src)
	}
	return set
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
