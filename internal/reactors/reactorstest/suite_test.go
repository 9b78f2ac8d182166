package reactorstest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "canary-in-the-text"

// newEnv makes an Env of a Fake, broken or not.
func newEnv(breaks func(*broken)) Env {
	fake := NewFake("fake")
	process := func() reactors.Action {
		b := &broken{Fake: fake}
		breaks(b)
		return b
	}
	run := reactors.Run{
		Reactor: "rule", Subject: "spaces/AAA|users/1", Space: "spaces/AAA", Member: "users/1",
		Trigger: reactors.MemberJoined, EventTime: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
	}
	return Env{
		Action:  process(),
		Params:  &FakeParams{To: "spaces/AAA", Text: reactors.ChatText{Source: canary, Value: canary}},
		Context: reactors.PrepareContext{Run: run, Label: "0.0", IDs: reactors.IDsOf(run)},
		Effects: fake.Effects, Writes: wroteTo(fake), Fail: fake.Fail, Restart: process, Canary: canary,
	}
}

// wroteTo lists the space of a Fake's messages once it has sent any.
func wroteTo(f *Fake) func() []string {
	return func() []string { return []string{"spaces/AAA"}[:min(1, f.Effects())] }
}

func TestGoodActionPasses(t *testing.T) {
	t.Parallel()
	Action(t, Harness{New: func(*testing.T) Env { return newEnv(func(*broken) {}) }})
}

// TestBrokenActionsAreCaught: a suite that can't fail proves nothing.
func TestBrokenActionsAreCaught(t *testing.T) {
	t.Parallel()
	for _, m := range mistakes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			var caughtBy []string
			for _, c := range checks() {
				if len(record(func(tb TB) { c.run(t, tb, newEnv(m.breaks)) })) > 0 {
					caughtBy = append(caughtBy, c.name)
				}
				if c.name != m.caughtBy {
					continue
				}
				if len(caughtBy) == 0 || caughtBy[len(caughtBy)-1] != c.name {
					t.Errorf("%q passes: caught by %q only", c.name, caughtBy)
				}
				break
			}
		})
	}
}

// TestEveryCheckCanFail: no check is for show.
func TestEveryCheckCanFail(t *testing.T) {
	t.Parallel()
	caught := map[string]bool{
		"the harness plants the canary": true, // see TestCarelessHarness
		"parameters are accepted":       true,
	}
	for _, m := range mistakes() {
		caught[m.caughtBy] = true
	}
	for _, c := range checks() {
		if !caught[c.name] {
			t.Errorf("no broken action is caught by %q", c.name)
		}
		delete(caught, c.name)
	}
	for name := range caught {
		t.Errorf("there is no check %q", name)
	}
}

func TestCarelessHarness(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		check func(*testing.T, TB, Env)
		spoil func(*Env)
	}{
		"no canary":        {plantsCanary, func(e *Env) { e.Canary = "" }},
		"canary elsewhere": {plantsCanary, func(e *Env) { e.Params.(*FakeParams).Text.Source, e.Params.(*FakeParams).Text.Value = "", "" }},
		"no spaces":        {declaresWrites, func(e *Env) { e.Writes = nil }},
		"bad parameters":   {acceptsParams, func(e *Env) { e.Params.(*FakeParams).To = "" }},
		"other parameters": {acceptsParams, func(e *Env) { e.Params = FakeParams{To: "spaces/AAA"} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(func(*broken) {})
			test.spoil(&e)
			if len(record(func(tb TB) { test.check(t, tb, e) })) == 0 {
				t.Error("the check passes")
			}
		})
	}
}

// recorder is a TB that keeps complaints.
type recorder struct {
	mu         sync.Mutex
	complaints []string
}

// record runs a check in a goroutine of its own, which Fatalf ends.
func record(run func(TB)) []string {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(r)
	}()
	<-done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.complaints
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complaints = append(r.complaints, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
