package reactorstest

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

func actsOnce(t *testing.T, tb TB, e Env) {
	result, err := act(t.Context(), tb, e.Action, prepare(tb, e))
	if err != nil {
		tb.Fatalf("Act: %v", err)
	}
	wantEffects(tb, e, 1)
	wantSecret(tb, e, "the result's note", result.Note)
}

func actsTwice(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	for range 2 {
		if _, err := act(t.Context(), tb, e.Action, request); err != nil {
			tb.Fatalf("Act: %v", err)
		}
	}
	wantEffects(tb, e, 1)
}

func actsAcrossProcesses(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	settle(t, tb, e.Action, request)
	settle(t, tb, restarted(e), request)
	wantEffects(tb, e, 1)
}

func actsConcurrently(t *testing.T, tb TB, e Env) {
	const workers = 8
	request := prepare(tb, e)
	other := restarted(e)
	errs := make([]error, workers)
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			a := e.Action
			if i%2 == 1 {
				a = other
			}
			_, errs[i] = a.Act(t.Context(), request)
		})
	}
	group.Wait()
	for _, err := range errs {
		if reactors.IsPermanent(err) {
			tb.Errorf("Act beside others: permanent error: %v", err)
		}
	}
	settle(t, tb, e.Action, request)
	wantEffects(tb, e, 1)
}

func survivesDroppedReply(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	e.Fail(DropReply)
	settle(t, tb, e.Action, request)
	settle(t, tb, restarted(e), request)
	wantEffects(tb, e, 1)
}

func actsOnReformatted(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	settle(t, tb, e.Action, reformat(tb, request))
	settle(t, tb, e.Action, request)
	wantEffects(tb, e, 1)
}

// ignoresUnknownFields: a newer version may have stored the request before it
// was rolled back.
func ignoresUnknownFields(t *testing.T, tb TB, e Env) {
	all := fields(tb, prepare(tb, e))
	all["field_of_a_later_version"] = json.RawMessage(`{"a":[1]}`)
	settle(t, tb, e.Action, marshal(tb, all))
	wantEffects(tb, e, 1)
}

// retriesUnavailable lets an action try again on its own within Act.
func retriesUnavailable(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	e.Fail(Unavailable)
	_, err := act(t.Context(), tb, e.Action, request)
	if reactors.IsPermanent(err) {
		tb.Fatalf("Act while the other side is unavailable: permanent error: %v", err)
	}
	if err == nil {
		wantEffects(tb, e, 1)
	}
	settle(t, tb, e.Action, request)
	wantEffects(tb, e, 1)
}

// parksRefused wants a second life, too: a person mends what was missing and
// lets the run try again.
func parksRefused(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	e.Fail(Refused)
	if _, err := act(t.Context(), tb, e.Action, request); !reactors.IsPermanent(err) {
		tb.Errorf("Act while the other side refuses: error %v, want a permanent one", err)
	}
	wantEffects(tb, e, 0)
	e.Fail(None)
	settle(t, tb, e.Action, request)
	wantEffects(tb, e, 1)
}

func honoursCancelled(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	switch _, err := act(ctx, tb, e.Action, request); {
	case err == nil:
		tb.Errorf("Act with a cancelled context succeeded")
	case reactors.IsPermanent(err):
		tb.Errorf("Act with a cancelled context: permanent error: %v", err)
	}
	settle(t, tb, e.Action, request)
	wantEffects(tb, e, 1)
}

func honoursCancelledMidway(t *testing.T, tb TB, e Env) {
	request := prepare(tb, e)
	e.Fail(Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := act(ctx, tb, e.Action, request); reactors.IsPermanent(err) {
		tb.Errorf("Act whose context ended: permanent error: %v", err)
	}
	e.Fail(None)
	settle(t, tb, e.Action, request)
	wantEffects(tb, e, 1)
}

// restarted is the action in another process.
func restarted(e Env) reactors.Action {
	if e.Restart == nil {
		return e.Action
	}
	return e.Restart()
}
