package reactorstest

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Fault is what happens to the next call to the other side, and only to that.
type Fault int

// Faults.
const (
	None        Fault = iota
	DropReply         // the effect takes place, the answer is lost
	Unavailable       // no effect; as an answer of 503
	Refused           // no effect, and a retry won't help; as an answer of 403
	Hang              // no effect, and no answer before the call's context ends
)

// Env is one action, its parameters, and the other side.
type Env struct {
	Action  reactors.Action
	Params  any // as Action.Params returns it, rendered
	Context reactors.PrepareContext

	// Effects says how often the effect took place.
	Effects func() int
	// Writes lists the spaces, such as spaces/S, in which the other side saw
	// messages sent, changed or deleted. NoWrites says that the other side isn't
	// Chat's messages.
	Writes func() []string
	// Fail sets what happens to the next call. The other side must know all
	// faults, but may take Hang for None.
	Fail func(Fault)
	// Restart returns the action as another process would have it, towards the
	// same other side. Nil: the action keeps nothing between calls.
	Restart func() reactors.Action
	// Canary is a word in the parameters or facts, and in every text, name and
	// secret of this Env. It must not get into errors.
	Canary string
}

// NoWrites is the Writes of an other side that has no messages.
func NoWrites() []string { return nil }

// Harness makes an Env for each check.
type Harness struct {
	New func(t *testing.T) Env
}

// TB is what checks report to: the part of [testing.TB] that they need.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// check is one promise. The test is for what a check needs to run; it reports
// to tb.
type check struct {
	name string
	run  func(t *testing.T, tb TB, e Env)
}

// Action checks that an action keeps all promises.
func Action(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, t, h.New(t))
		})
	}
}

func checks() []check {
	return []check{
		{"the harness plants the canary", plantsCanary},
		{"parameters are accepted", acceptsParams},
		{"prepare is pure", preparesPurely},
		{"the request says where it writes", declaresWrites},

		{"once", actsOnce},
		{"twice is once", actsTwice},
		{"once across processes", actsAcrossProcesses},
		{"at the same time is once", actsConcurrently},
		{"once although the answer is lost", survivesDroppedReply},
		{"a look tells whether it took effect", tellsSettled},
		{"once as the database gives the request back", actsOnReformatted},
		{"unknown fields are ignored", ignoresUnknownFields},

		{"unavailable may be retried", retriesUnavailable},
		{"refused is permanent", parksRefused},
		{"cancelled before", honoursCancelled},
		{"cancelled during", honoursCancelledMidway},
		{"garbage is permanent", refusesGarbage},
		{"errors keep secrets", keepsSecrets},
	}
}
