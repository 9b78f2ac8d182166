package wasm

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// brief is the time limit of what is to overrun it.
const brief = 100 * time.Millisecond

const (
	overran = "it took longer than 100ms"
	leftOut = "it has taken longer than 100ms too often and is left out for a minute; " +
		"once it is mended, subscriber reactors retry --failed tries such runs again"
)

// starts counts the instances that are made, by their memories.
type starts struct {
	n  atomic.Int32
	at func() // called as each starts; may be nil
}

func (s *starts) Allocate(_, most uint64) experimental.LinearMemory {
	s.n.Add(1)
	if s.at != nil {
		s.at()
	}
	return &memory{of: &memories{}, bytes: make([]byte, 0, most)}
}

func (s *starts) watch(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, s)
}

// TestALoopIsLeftOut: a loop costs three times the time limit, however often it
// is asked for; other modules and other versions run as before.
func TestALoopIsLeftOut(t *testing.T) {
	t.Parallel()
	a, other := newAction(t, Options{Timeout: brief}), newAction(t, Options{})
	path := module{react: forever()}.file(t)
	loop, trap := checked(t, a, path), checked(t, other, module{react: []byte{opUnreachable}}.file(t))
	bad := checked(t, other, answers("{}").file(t))
	for name, test := range map[string]struct {
		of     *Action
		params *Params
		want   int32
	}{"loop": {a, loop, maxOverruns}, "trap": {other, trap, 8}, "bad answer": {other, bad, 8}} {
		var seen starts
		for range 8 {
			if _, err := test.of.decide(seen.watch(t.Context()), test.params, prepareContext()); err == nil {
				t.Errorf("%s: decide has no error", name)
			}
		}
		if got := seen.n.Load(); got != test.want {
			t.Errorf("%s: started %d times, want %d", name, got, test.want)
		}
	}
	_, err := a.Prepare(loop, prepareContext())
	if !reactors.IsPermanent(err) || !strings.HasSuffix(err.Error(), ": "+leftOut) {
		t.Errorf("Prepare: error %v, want a permanent %q", err, leftOut)
	}

	// The rules are read again, and the file is the same, then mended.
	if _, err := a.Prepare(checked(t, a, path), prepareContext()); err == nil || !strings.HasSuffix(err.Error(), leftOut) {
		t.Errorf("Prepare of the same module, read again: error %v, want %q", err, leftOut)
	}
	overwrite(t, path, module{react: forever(), data: "another version"}.assemble())
	if _, err := a.Prepare(checked(t, a, path), prepareContext()); err == nil || !strings.HasSuffix(err.Error(), overran) {
		t.Errorf("Prepare of another version: error %v, want %q", err, overran)
	}
}

// TestLeftOutWithoutWaiting: who asks for such a module doesn't queue.
func TestLeftOutWithoutWaiting(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{Timeout: time.Millisecond})
	loop := checked(t, a, module{react: forever()}.file(t))
	for range maxOverruns {
		if _, err := a.Prepare(loop, prepareContext()); err == nil {
			t.Error("the loop was not stopped")
		}
	}
	for range cap(a.running) { // others run
		a.running <- struct{}{}
	}
	answered := make(chan error, 1)
	go func() {
		_, err := a.Prepare(loop, prepareContext())
		answered <- err
	}()
	select {
	case err := <-answered:
		if err == nil || !strings.Contains(err.Error(), "left out") {
			t.Errorf("Prepare: error %v, want that it is left out", err)
		}
	case <-time.After(time.Minute):
		t.Error("Prepare waits for other modules")
		<-a.running
		<-answered
	}
}

// trial is a module in a bubble, where a loop would stop the clock: a run that
// begins after its deadline takes its place.
type trial struct {
	t      *testing.T
	a      *Action
	digest string
	seen   starts
}

func newTrial(t *testing.T) *trial {
	a := newAction(t, Options{Timeout: brief})
	return &trial{t: t, a: a, digest: checked(t, a, answers(`{"do":[]}`).file(t)).Digest}
}

// run wants an error, "" for none.
func (tr *trial) run(ctx context.Context, want string) {
	tr.t.Helper()
	_, err := tr.a.run(tr.seen.watch(ctx), tr.digest, []byte("{}"))
	switch {
	case want == "" && err != nil:
		tr.t.Errorf("run: error %v, want none", err)
	case want != "" && (err == nil || err.Error() != want):
		tr.t.Errorf("run: error %v, want %q", err, want)
	}
}

func (tr *trial) good() { tr.t.Helper(); tr.run(tr.t.Context(), "") }

func (tr *trial) refused() { tr.t.Helper(); tr.run(tr.t.Context(), leftOut) }

func (tr *trial) overrun(times int) {
	tr.t.Helper()
	late, cancel := context.WithDeadline(tr.t.Context(), time.Now())
	defer cancel()
	for range times {
		tr.run(late, overran)
	}
}

// TestGoodRunsDontHideOverruns: who is late now and then goes on; who is late
// too often doesn't, whatever goes well between.
func TestGoodRunsDontHideOverruns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ good, overruns int }{
		"each second run":    {1, 3},
		"each tenth run":     {9, 3},
		"each fifteenth run": {14, 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tr := newTrial(t)
				for range test.overruns - 1 {
					for range test.good {
						tr.good()
					}
					tr.overrun(1)
				}
				tr.good()
				tr.overrun(1)
				tr.refused()
			})
		})
	}
	t.Run("two in a minute", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			tr := newTrial(t)
			for range 5 {
				tr.overrun(2)
				time.Sleep(time.Minute + 1)
			}
			tr.good()
		})
	})
}

func TestOneTrialAfterAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t)
		tr.overrun(3)
		time.Sleep(time.Minute)
		tr.refused()
		time.Sleep(time.Nanosecond)
		tr.overrun(1) // the trial
		tr.refused()
		time.Sleep(time.Minute)
		tr.refused()
		time.Sleep(time.Nanosecond)

		// Another run comes while the trial is under way.
		before := tr.seen.n.Load()
		tr.a.running = make(chan struct{}, 2)
		tr.seen.at = func() {
			tr.seen.at = nil
			tr.refused()
		}
		tr.good()
		if got := tr.seen.n.Load() - before; got != 1 {
			t.Errorf("%d trials at once, want 1", got)
		}
		tr.overrun(2)
		tr.good()
	})
}
