package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// accident is what happens at one call of an apply.
type accident struct {
	fault simulate.EventsFault
	kills bool // the process, too
}

func accidents() map[string]accident {
	return map[string]accident{
		"killed before":  {simulate.EventsFault{Status: 503}, true},
		"killed after":   {simulate.EventsFault{DropReply: true}, true},
		"refused before": {simulate.EventsFault{Status: 403}, false},
		"refused after":  {simulate.EventsFault{StatusAfter: 403}, false},
		"failed later":   {simulate.EventsFault{Operation: &simulate.OperationError{Code: 7, Message: "No."}}, false},
	}
}

// Whatever call of an apply fails, before or after it took effect, applying
// again converges.
func TestApplyConvergesAfterAnyAccident(t *testing.T) {
	t.Parallel()
	for name, a := range accidents() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for k := 1; ; k++ {
				if !haveAccident(t, a, k) {
					if k <= 9 {
						t.Errorf("an apply makes %d calls only", k-1)
					}
					return
				}
			}
		})
	}
}

// haveAccident applies with an accident at the k-th call, and again. It
// reports whether there was a k-th call.
func haveAccident(t *testing.T, a accident, k int) bool {
	t.Helper()
	x := change(t)
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	calls := 0
	x.ws.SetEventsFaults(func(simulate.EventsCall) simulate.EventsFault {
		if calls++; calls != k {
			return simulate.EventsFault{}
		}
		if a.kills {
			kill()
		}
		return a.fault
	})
	x.ctx = ctx
	x.run(exitAny, "apply", "--prune", "--yes")
	killed := ctx.Err() != nil
	if killed && !strings.Contains(x.transcript.String(), "(exit 130)") {
		t.Errorf("killed at call %d:\n%s", k, x.transcript.String())
	}
	x.ws.SetEventsFaults(nil)
	x.ctx = nil
	x.run(cli.OK, "apply", "--prune", "--yes")
	x.converged(k)
	return calls >= k
}

// converged wants an empty plan and one subscription for each target.
func (x *terminal) converged(k int) {
	x.t.Helper()
	x.run(cli.OK, "plan", "--detailed-exitcode", "--prune")
	if n := strings.Count(x.run(cli.OK, "list", "-o", "name"), "\n"); n != 5 { // four and somebody else's
		x.t.Errorf("%d subscriptions are left", n)
	}
	for _, s := range x.ws.Spaces() {
		if n := x.ws.MaxLive("//chat.googleapis.com/" + s.Name); n > 1 {
			x.t.Errorf("%s had %d live subscriptions", s.Name, n)
		}
	}
	if x.t.Failed() {
		x.t.Fatalf("accident at call %d:\n%s", k, x.transcript.String())
	}
}

func TestApplyTwiceAtOnce(t *testing.T) {
	t.Parallel()
	for round := range 10 {
		x := change(t)
		var wg sync.WaitGroup
		others := make([]terminal, 3)
		for i := range others {
			other := &others[i]
			*other = terminal{t: t, ws: x.ws, dir: x.dir, env: maps.Clone(x.env)}
			wg.Go(func() { other.run(cli.OK, "apply", "--prune", "--yes") })
		}
		wg.Wait()
		for i := range others {
			if t.Failed() {
				fmt.Fprintln(&x.transcript, others[i].transcript.String())
			}
		}
		x.converged(round)
	}
}
