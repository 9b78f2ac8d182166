package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// However many replicas there are, writes to a space are as far apart as one
// replica's would be, and so are those of the project: the database keeps both
// paces. A write may be late and then close to the next, but never early: the
// n-th of them comes n intervals after the first could.
func TestReplicasShareThePace(t *testing.T) {
	t.Parallel()
	const interval, n = 100 * time.Millisecond, 12
	for name, c := range map[string]struct {
		opts  engine.Options
		space func(i int) string // of the i-th run
		slot  string             // the row of write_slots that keeps the pace
	}{
		"of a space":     {engine.Options{WriteInterval: interval}, func(int) string { return space }, space},
		"of the project": {engine.Options{WriteInterval: time.Microsecond, ProjectInterval: interval}, func(i int) string { return fmt.Sprint("spaces/", i) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, plain)
			var mu sync.Mutex
			var writes []time.Time
			s.action.before = func(context.Context, said) error {
				mu.Lock()
				defer mu.Unlock()
				writes = append(writes, time.Now())
				return nil
			}
			for i := range n {
				s.record(member(events.VerbCreated, c.space(i), fmt.Sprint("users/", i)))
			}
			begin, runs := time.Now(), s.runs()
			var replicas sync.WaitGroup
			for share := range slices.Chunk(runs, n/2) {
				db := storetest.Open(t, s.dsn, storetest.Options{Now: s.clock, MaxConns: 2})
				opts := c.opts
				opts.Now = s.clock
				replica := engine.NewDispatcher(s.ruleSet, []reactors.Action{s.action}, db.Runs, db.Log, zap.NewNop(), opts)
				replicas.Go(func() {
					for _, run := range share {
						for {
							wait, err := replica.Attempt(t.Context(), run.ID)
							if err != nil {
								t.Errorf("attempt run %d: %v", run.ID, err)
							}
							if err != nil || wait == 0 || gax.Sleep(t.Context(), wait) != nil {
								break
							}
						}
					}
				})
			}
			replicas.Wait()
			if len(writes) != n {
				t.Fatalf("%d writes, want %d", len(writes), n)
			}
			slices.SortFunc(writes, time.Time.Compare)
			for i, at := range writes {
				// The database's clock counts in microseconds.
				if least := time.Duration(i)*interval - time.Millisecond; at.Sub(begin) < least {
					t.Errorf("write %d comes %s after the begin, want at least %s", i, at.Sub(begin), least)
				}
			}
			// Replicas are processes of their own: what they share is in the database.
			next := value[time.Time](t, s.store, `SELECT next_at FROM write_slots WHERE space = $1`, c.slot)
			if least := begin.Add(n*interval - time.Millisecond); next.Before(least) {
				t.Errorf("the next write slot is at %s, want %s at least", next.Format(time.StampMilli), least.Format(time.StampMilli))
			}
		})
	}
}
