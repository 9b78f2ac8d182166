package reactorstest

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

func refusesGarbage(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	garbage := []json.RawMessage{
		nil, {}, request[:len(request)/2],
		json.RawMessage(`null`), json.RawMessage(`{`), json.RawMessage(`[]`), json.RawMessage(`7`),
		json.RawMessage(`"` + e.Canary + `"`), json.RawMessage(`{}`),
		json.RawMessage(`{"` + e.Canary + `":null}`), json.RawMessage("\xff\x00"),
	}
	for _, g := range garbage {
		_, err := act(t.Context(), tb, e.Action, g)
		if !reactors.IsPermanent(err) {
			tb.Errorf("Act of the request %.20q: error %v, want a permanent one", g, err)
		}
		if err != nil {
			wantSecret(tb, e, "an error about garbage", err.Error())
		}
	}
	wantEffects(tb, e, 0)
}

// keepsSecrets looks at every error that it can bring about, also with requests
// whose fields hold something else than they should: nothing may panic.
func keepsSecrets(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	look := func(what string, r json.RawMessage) {
		result, err := act(t.Context(), tb, e.Action, r)
		if err != nil {
			wantSecret(tb, e, what, err.Error())
		}
		wantSecret(tb, e, what, result.Note)
	}
	for _, f := range []Fault{DropReply, Unavailable, Refused} {
		e.Fail(f)
		look("an error", request)
	}
	e.Fail(None)
	all := fields(tb, request)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, wrong := range []json.RawMessage{
			json.RawMessage(`null`), json.RawMessage(`-1`), json.RawMessage(`[]`), json.RawMessage(`{}`),
			json.RawMessage(`"wrong"`), json.RawMessage(`" wrong://\u007f"`),
		} {
			bad := maps.Clone(all)
			bad[name] = wrong
			look("an error about a wrong "+name, marshal(tb, bad))
		}
	}
}
