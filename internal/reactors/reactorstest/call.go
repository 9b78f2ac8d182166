package reactorstest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// patience is how long a call may take that should come back at once. It is
// long because the machine may be busy.
const patience = 10 * time.Second

// tries is how often a check repeats what may fail for the moment.
const tries = 5

// prepare makes the request of an Env.
func prepare(tb TB, e Env) json.RawMessage {
	tb.Helper()
	return prepared(tb, e).Body
}

// prepared is the request, and what the engine is told of it.
func prepared(tb TB, e Env) reactors.Prepared {
	tb.Helper()
	p, err := e.Action.Prepare(e.Params, e.Context)
	if err != nil {
		tb.Fatalf("Prepare: %v", err)
	}
	if !json.Valid(p.Body) {
		tb.Fatalf("Prepare returned %d bytes that aren't JSON", len(p.Body))
	}
	return p
}

// act calls Act, which may neither panic nor stay away.
func act(ctx context.Context, tb TB, a reactors.Action, request json.RawMessage) (reactors.Result, error) {
	tb.Helper()
	type answer struct {
		result   reactors.Result
		err      error
		panicked any
	}
	answers := make(chan answer, 1)
	go func() {
		var got answer
		defer func() {
			got.panicked = recover()
			answers <- got
		}()
		got.result, got.err = a.Act(ctx, request)
	}()
	select {
	case got := <-answers:
		if got.panicked != nil {
			tb.Fatalf("Act panicked: %v", got.panicked)
		}
		return got.result, got.err
	case <-time.After(patience):
		tb.Fatalf("Act has not returned after %s", patience)
		return reactors.Result{}, nil
	}
}

// settle calls Act until it succeeds, as a worker does.
func settle(t *testing.T, tb TB, a reactors.Action, request json.RawMessage) {
	tb.Helper()
	for try := 1; ; try++ {
		_, err := act(t.Context(), tb, a, request)
		switch {
		case err == nil:
			return
		case reactors.IsPermanent(err):
			tb.Fatalf("Act, try %d: permanent error: %v", try, err)
		case try == tries:
			tb.Fatalf("Act, try %d: %v", try, err)
		}
	}
}

// wantEffects compares how often the effect took place.
func wantEffects(tb TB, e Env, want int) {
	tb.Helper()
	if got := e.Effects(); got != want {
		tb.Errorf("the effect took place %d times, want %d", got, want)
	}
}

// wantSecret wants nothing of the canary in what people get to see.
func wantSecret(tb TB, e Env, what, text string) {
	tb.Helper()
	if strings.Contains(text, e.Canary) {
		tb.Errorf("%s holds the canary: %s", what, text)
	}
}

// fields reads a request's top level.
func fields(tb TB, request json.RawMessage) map[string]json.RawMessage {
	tb.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(request, &all); err != nil || all == nil {
		tb.Fatalf("the request is no JSON object: %v", err)
	}
	return all
}

// marshal encodes what can always be encoded.
func marshal(tb TB, v any) json.RawMessage {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatalf("encode: %v", err)
	}
	return raw
}
