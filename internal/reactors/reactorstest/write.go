package reactorstest

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// declaresWrites compares the spaces that the other side saw written to with
// those that the request names: the engine paces writes by what it names.
func declaresWrites(t *testing.T, tb TB, e Env) {
	if e.Writes == nil {
		tb.Fatalf("the Env doesn't say which spaces the other side saw written to")
	}
	p := prepared(tb, e)
	settle(t, tb, e.Action, p.Body)
	for _, space := range e.Writes() {
		if e.Action.Kind() == reactors.Observes {
			tb.Errorf("the action writes to Chat, yet its kind is Observes")
		}
		if !declares(p, space) {
			tb.Errorf("the request writes to %s without saying it: no write slot would be waited for", space)
		}
	}
}

// declares reports whether a request, or one in its place, names the space as
// written to. It may leave it open only where it doesn't know the space.
func declares(p reactors.Prepared, space string) bool {
	all := append([]reactors.Request{{Body: p.Body, Write: p.Write}}, p.Instead...)
	return slices.ContainsFunc(all, func(r reactors.Request) bool {
		return r.Write != nil && (r.Write.Space == space || r.Write.Space == "" && !bytes.Contains(r.Body, []byte(space)))
	})
}

// tellsSettled looks whether a request took effect: before Act, after one whose
// answer was lost, after one that succeeded, and for garbage. Only a request that
// names messages can be looked up.
func tellsSettled(t *testing.T, tb TB, e Env) {
	p := prepared(tb, e)
	ids := p.Write != nil && len(p.Write.MessageIDs) > 0
	settled := func(when string, want bool) {
		if got, err := e.Action.Settled(t.Context(), p.Body); err != nil || got != want {
			tb.Errorf("Settled %s: got %t, %v, want %t", when, got, err, want)
		}
	}
	settled("before Act", false)
	e.Fail(DropReply)
	_, _ = act(t.Context(), tb, e.Action, p.Body)
	settled("after an answer was lost", ids && e.Effects() > 0)
	settle(t, tb, e.Action, p.Body)
	settled("after Act", ids)
	if settled, _ := e.Action.Settled(t.Context(), json.RawMessage(`7`)); settled {
		tb.Errorf("Settled of a request that isn't one: got true")
	}
}
