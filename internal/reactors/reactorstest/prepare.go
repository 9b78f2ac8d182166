package reactorstest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
)

func plantsCanary(_ *testing.T, tb TB, e Env) {
	if len(e.Canary) < 6 {
		tb.Fatalf("the canary %q is too short to be told from a chance", e.Canary)
	}
	if !bytes.Contains(inputs(tb, e), []byte(e.Canary)) {
		tb.Errorf("the canary is neither in the parameters nor in the facts")
	}
	wantSecret(tb, e, "the action's name", e.Action.Name())
}

func acceptsParams(_ *testing.T, tb TB, e Env) {
	if name := e.Action.Name(); name == "" || strings.ToLower(name) != name {
		tb.Errorf("Name() = %q, want a lower-case word", name)
	}
	empty := e.Action.Params()
	if kind := reflect.TypeOf(empty); kind == nil || kind.Kind() != reflect.Pointer || kind.Elem().Kind() != reflect.Struct {
		tb.Fatalf("Params() = %T, want a pointer to a struct", empty)
	}
	if got, want := reflect.TypeOf(e.Params), reflect.TypeOf(empty); got != want {
		tb.Fatalf("the parameters are %v, want %v as Params returns", got, want)
	}
	if empty == e.Action.Params() {
		tb.Errorf("Params() returned the same pointer twice: rules would share their parameters")
	}
	for _, p := range e.Action.Check(e.Params) {
		tb.Errorf("Check found a problem in good parameters: %s: %s", p.Field, p.Message)
	}
	for _, p := range e.Action.Check(empty) { // must not panic
		if p.Message == "" {
			tb.Errorf("Check found a problem with %q that it doesn't name", p.Field)
		}
	}
}

// preparesPurely compares what Prepare makes now with what it makes at another
// time: in a synctest bubble it is the year 2000.
func preparesPurely(t *testing.T, tb TB, e Env) {
	before := inputs(tb, e)
	first := prepare(tb, e)
	again := prepare(tb, e)
	if !bytes.Equal(first, again) {
		tb.Errorf("Prepare made another request of the same parameters")
	}
	synctest.Test(t, func(*testing.T) {
		got, err := e.Action.Prepare(e.Params, e.Context)
		if err != nil || !bytes.Equal(first, got.Body) {
			tb.Errorf("Prepare made another request at another time (error %v)", err)
		}
		if got.Effect == "" && len(got.Instead) == 0 {
			tb.Errorf("Prepare doesn't say where the request goes and to whom: nobody could see it before the rule acts")
		}
	})
	if !bytes.Equal(before, inputs(tb, e)) {
		tb.Errorf("Prepare changed its parameters or facts")
	}
	wantEffects(tb, e, 0)

	e.Context.Label += "x"
	if other := prepare(tb, e); bytes.Equal(first, other) {
		tb.Errorf("Prepare made the same request for two labels: the second action of a rule would never take effect")
	}
}

// inputs are what Prepare gets, as bytes.
func inputs(tb TB, e Env) []byte {
	tb.Helper()
	return append(marshal(tb, e.Params), marshal(tb, struct {
		Run, Facts any
	}{e.Context.Run, e.Context.Facts})...)
}

// reformat gives JSON back as a jsonb column does: other white space, another
// order of fields.
func reformat(tb TB, raw json.RawMessage) json.RawMessage {
	tb.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		tb.Fatalf("decode the request: %v", err)
	}
	sorted, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		tb.Fatalf("encode the request: %v", err)
	}
	return sorted
}
