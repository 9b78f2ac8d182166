package runs_test

import (
	"sync"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Two switches that are turned at the same time: no run stays held by neither.
func TestResumeMeetsResume(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	run := crowd(t, s, 1)[0]
	for range 40 {
		for _, name := range []string{runs.AllReactors, run.Reactor} {
			if err := s.Pause(t.Context(), name, ""); err != nil {
				t.Fatal(err)
			}
		}
		if held, err := s.HoldRun(t.Context(), run); err != nil || !held {
			t.Fatalf("HoldRun = %t, %v", held, err)
		}
		var wg sync.WaitGroup
		for _, name := range []string{runs.AllReactors, run.Reactor} {
			wg.Go(func() {
				if _, err := s.Resume(t.Context(), name); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if storetest.Value[bool](t, s, `SELECT held FROM reactor_runs`) {
			t.Fatal("nothing is paused, and a run is held")
		}
	}
}
