package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
)

// counted is a terminal that keeps which subscriptions Google was asked to
// validate and to create, and whose pauses take no time.
type counted struct {
	*terminal
	clock *simulatetest.Clock

	mu                 sync.Mutex
	validated, created []string
	fault              func(n int, c simulate.EventsCall) simulate.EventsFault // n counts both
}

func openCounted(t *testing.T, spaces int) *counted {
	t.Helper()
	clock := newClock()
	x := &counted{terminal: open(t, simulate.Options{Spaces: spaces, Now: clock.Now}), clock: clock}
	x.wait = func(ctx context.Context, d time.Duration) error {
		clock.Advance(d)
		return ctx.Err()
	}
	x.ws.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
		if c.Method != "subscriptions.create" {
			return simulate.EventsFault{}
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		kept := &x.created
		if c.ValidateOnly {
			kept = &x.validated
		}
		*kept = append(*kept, c.Target)
		if x.fault == nil {
			return simulate.EventsFault{}
		}
		return x.fault(len(x.validated)+len(x.created), c)
	})
	return x
}

// take returns what was validated and created since the last time, sorted.
func (x *counted) take() (validated, created []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	validated, created = x.validated, x.created
	slices.Sort(validated)
	slices.Sort(created)
	x.validated, x.created = nil, nil
	x.clock.Advance(time.Minute) // the next command has a quota of its own
	return validated, created
}

// interruptAt has the command interrupted when Google is asked for the n-th time.
func (x *counted) interruptAt(n int) {
	ctx, cancel := context.WithCancel(x.t.Context())
	x.ctx = ctx
	x.answer(func(at int, _ simulate.EventsCall) simulate.EventsFault {
		if at >= n {
			cancel()
		}
		return simulate.EventsFault{}
	})
}

func (x *counted) goOn() {
	x.ctx = nil
	x.answer(nil)
}

// answer has Google answer so from now on. A command that was interrupted may
// have left requests under way.
func (x *counted) answer(fault func(n int, c simulate.EventsCall) simulate.EventsFault) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fault = fault
}

// A plan validates all, none or a sample, which is the same every time, and says
// of how many; its file remembers it.
func TestPlanValidates(t *testing.T) {
	t.Parallel()
	x := openCounted(t, 6)
	x.run(cli.OK, "plan", "--no-validate")
	if validated, _ := x.take(); len(validated) > 0 {
		t.Errorf("--no-validate: validated %v", validated)
	}
	x.run(cli.OK, "plan", "--validate-sample", "2")
	first, _ := x.take()
	x.run(cli.OK, "plan", "--validate-sample", "2", "--out", "$DIR/plan.json")
	if again, _ := x.take(); len(first) != 2 || !cmp.Equal(first, again) {
		t.Errorf("--validate-sample 2: validated %v, then %v", first, again)
	}
	x.run(cli.OK, "plan", "--validate-sample", "6")
	if all, _ := x.take(); len(all) != 6 {
		t.Errorf("--validate-sample 6: validated %d of 6", len(all))
	}
	x.run(cli.Misused, "plan", "--validate-sample", "0")
	x.run(cli.Misused, "plan", "--validate-sample", "2", "--no-validate")
	x.run(cli.OK, "apply", "$DIR/plan.json")
	if validated, created := x.take(); len(validated) > 0 || len(created) != 6 {
		t.Errorf("apply: validated %v, created %d of 6", validated, len(created))
	}
	x.run(cli.OK, "plan", "--validate-sample", "2")
	x.compare("validate")
}

// An interrupted plan goes on where it was, once, and isn't applied before it is
// finished.
func TestPlanGoesOn(t *testing.T) {
	t.Parallel()
	x := openCounted(t, 40)
	plan := []string{"plan", "--out", "$DIR/plan.json"}
	x.interruptAt(21)
	x.run(cli.Interrupted, plan...)
	x.goOn()
	first, _ := x.take()
	x.run(cli.Failed, "apply", "$DIR/plan.json")
	if _, created := x.take(); len(created) > 0 {
		t.Errorf("an unfinished plan was applied: %v", created)
	}
	// One is refused now: the plan isn't finished, and the others aren't asked about again.
	refused := "//chat.googleapis.com/" + x.ws.Spaces()[39].Name
	x.answer(func(_ int, c simulate.EventsCall) (f simulate.EventsFault) {
		if c.Target == refused {
			f.Status = 403
		}
		return f
	})
	x.run(cli.Failed, plan...)
	x.goOn()
	second, _ := x.take()
	if both := len(first) + len(second); both < 40 || both > 40+4 || len(second) > 40-21+4 { // 4 at once were cut off
		t.Errorf("%d validated before the interruption, %d after it, want 40 and what was cut off", len(first), len(second))
	}
	x.run(cli.OK, plan...)
	if third, _ := x.take(); !cmp.Equal(third, []string{refused}) {
		t.Errorf("validated %v, want %s alone, which was refused", third, refused)
	}
	x.run(cli.OK, plan...)
	if all, _ := x.take(); len(all) != 40 {
		t.Errorf("a finished plan is made anew: validated %d of 40", len(all))
	}
	x.run(cli.OK, "apply", "$DIR/plan.json")
	if _, created := x.take(); len(created) != 40 {
		t.Errorf("created %d of 40", len(created))
	}
}

// A process that is killed has kept what was validated up to the last minute.
func TestPlanIsKeptMeanwhile(t *testing.T) {
	t.Parallel()
	x := openCounted(t, 210)
	kept := false
	x.answer(func(int, simulate.EventsCall) (none simulate.EventsFault) {
		if text, err := os.ReadFile(filepath.Join(x.dir, "plan.json")); err == nil {
			kept = kept || strings.Contains(string(text), `"unfinished": true`) && strings.Contains(string(text), `"done": 100,`)
		}
		return
	})
	x.run(cli.OK, "plan", "--out", "$DIR/plan.json")
	if !kept {
		t.Error("nothing was kept while Google was asked")
	}
}

// What changed since an interruption is asked about again; so is everything a day
// later.
func TestPlanGoesOnWithWhatIsTheSame(t *testing.T) {
	t.Parallel()
	x := openCounted(t, 12)
	plan := []string{"plan", "--out", "$DIR/plan.json"}
	x.interruptAt(9)
	x.run(cli.Interrupted, plan...)
	x.goOn()
	x.take()
	kept, err := os.ReadFile(filepath.Join(x.dir, "plan.json"))
	if err != nil {
		t.Fatal(err)
	}
	asks := func(want string, n int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(x.dir, "plan.json"), kept, 0o600); err != nil {
			t.Fatal(err)
		}
		x.run(cli.OK, plan...)
		if all, _ := x.take(); len(all) != n && (n >= 0 || len(all) >= 12) {
			t.Errorf("%s: validated %d of 12", want, len(all))
		}
	}
	asks("the same", -1)
	x.env["SPACEKEEPER_WORKSPACE_EVENT_TYPES"] = "google.workspace.chat.membership.v1.created"
	asks("other event types", 12)
	delete(x.env, "SPACEKEEPER_WORKSPACE_EVENT_TYPES")
	x.clock.Advance(25 * time.Hour)
	asks("a day later", 12)
}

// Apply goes on where it was: nothing is created twice, and nothing validated.
func TestApplyGoesOn(t *testing.T) {
	t.Parallel()
	for _, file := range []bool{false, true} {
		x := openCounted(t, 40)
		apply := []string{"apply"}
		if file {
			apply = append(apply, "$DIR/plan.json")
			x.run(cli.OK, "plan", "--no-validate", "--out", "$DIR/plan.json")
		}
		x.interruptAt(15)
		x.run(cli.Interrupted, apply...)
		x.goOn()
		validated, first := x.take()
		x.run(cli.OK, apply...)
		more, second := x.take()
		if len(validated)+len(more) > 0 {
			t.Errorf("apply validated %d", len(validated)+len(more))
		}
		if len(first)+len(second) < 40 || len(second) > 40-15+4 {
			t.Errorf("%d created before the interruption, %d after it, of 40", len(first), len(second))
		}
		x.run(cli.OK, apply...)
		if _, third := x.take(); len(third) > 0 {
			t.Errorf("created again: %v", third)
		}
	}
}

// A replacement that was interrupted between deleting and creating is finished by
// the same plan.
func TestApplyFinishesAReplacement(t *testing.T) {
	t.Parallel()
	x := openCounted(t, 1)
	x.run(cli.OK, "apply")
	x.config("{workspace: {spaces: [$A], include_resource: false}}")
	x.run(cli.OK, "plan", "--out", "$DIR/plan.json")
	x.take()
	x.answer(func(_ int, c simulate.EventsCall) (f simulate.EventsFault) {
		if !c.ValidateOnly {
			f.Status = 403
		}
		return f
	})
	x.run(cli.Failed, "apply", "$DIR/plan.json")
	x.goOn()
	if got := x.run(cli.OK, "list", "-o", "name"); got != "" {
		t.Fatalf("there is %s, want none: deleted and not created", strings.TrimSpace(got))
	}
	x.run(cli.OK, "apply", "$DIR/plan.json")
	if got := x.run(cli.OK, "plan", "--detailed-exitcode", "-o", "name"); got != "" {
		t.Errorf("left to do: %s", got)
	}
}
