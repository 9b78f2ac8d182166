package reactorstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Fake is an action that keeps the contract: for tests of what works with
// actions, and the pattern that the suite's broken ones are made of. The other
// side is part of it; it suppresses repetitions by key, as Google does.
type Fake struct {
	name string

	mu     sync.Mutex
	next   Fault
	counts map[string]int // of effects, by key
	keys   []string       // in the order of their first effects
}

// FakeParams are the parameters of a [Fake].
type FakeParams struct {
	To   string            `yaml:"to"`
	Text reactors.ChatText `yaml:"text"`
}

// fakeRequest is what a Fake stores.
type fakeRequest struct {
	Key  string `json:"key"`
	To   string `json:"to"`
	Text string `json:"text"`
}

// NewFake returns an action of that name.
func NewFake(name string) *Fake { return &Fake{name: name, counts: map[string]int{}} }

// Name implements [reactors.Action].
func (f *Fake) Name() string { return f.name }

// Params implements [reactors.Action].
func (f *Fake) Params() any { return &FakeParams{} }

// Kind implements [reactors.Action].
func (f *Fake) Kind() reactors.Kind { return reactors.Acts }

// Check wants a to.
func (f *Fake) Check(params any) []reactors.ParamError {
	if params.(*FakeParams).To == "" {
		return []reactors.ParamError{{Field: "to", Message: "to is missing"}}
	}
	return nil
}

// Prepare implements [reactors.Action].
func (f *Fake) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*FakeParams)
	key := c.IDs.Request(c.Label)
	prepared, err := c.Encode(fakeRequest{Key: key, To: p.To, Text: p.Text.Value}, "a message to everybody in "+p.To)
	prepared.Write = &reactors.Write{Space: p.To, MessageIDs: []string{key}}
	return prepared, err
}

// Act implements [reactors.Action].
func (f *Fake) Act(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[fakeRequest]("this action", request)
	if err != nil || r.Key == "" {
		return reactors.Result{}, reactors.Permanent(errors.New("read the stored request: it isn't one of this action"))
	}
	if err := f.call(ctx, r.Key, false); err != nil {
		return reactors.Result{}, err
	}
	return reactors.Result{Message: "spaces/FAKE/messages/" + r.Key}, nil
}

// Settled implements [reactors.Action].
func (f *Fake) Settled(_ context.Context, request json.RawMessage) (bool, error) {
	r, err := reactors.ReadRequest[fakeRequest]("this action", request)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[r.Key] > 0, err
}

// Fail sets what befalls the next call.
func (f *Fake) Fail(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = fault
}

// Effects says how often an effect took place.
func (f *Fake) Effects() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, count := range f.counts {
		n += count
	}
	return n
}

// Keys returns the request ids that took effect, in order.
func (f *Fake) Keys() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.keys...)
}

// call is the other side. It repeats an effect only if it is told to.
func (f *Fake) call(ctx context.Context, key string, repeat bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("call the other side: %w", err)
	}
	f.mu.Lock()
	fault := f.next
	f.next = None
	f.mu.Unlock()
	switch fault {
	case Unavailable:
		return errors.New("the other side is unavailable")
	case Refused:
		return reactors.Permanent(errors.New("the other side refuses"))
	case Hang:
		<-ctx.Done()
		return fmt.Errorf("wait for an answer: %w", ctx.Err())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts[key] == 0 {
		f.keys = append(f.keys, key)
	}
	if f.counts[key] == 0 || repeat {
		f.counts[key]++
	}
	if fault == DropReply {
		return errors.New("the answer is lost")
	}
	return nil
}
