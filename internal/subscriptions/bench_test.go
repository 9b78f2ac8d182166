package subscriptions_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// BenchmarkHealthyPass looks at 10,000 subscriptions of which none needs
// anything; the StateStore is a real database.
func BenchmarkHealthyPass(b *testing.B) {
	s, keeper, _ := healthy(b, 10_000)
	pass(b, keeper) // writes them down
	look := func(b *testing.B) {
		s.clock.Advance(time.Second)
		if r := pass(b, keeper); r.Actions[subscriptions.Keep] != len(s.list) {
			b.Fatalf("got %+v, want that nothing needs anything", r)
		}
	}
	b.Run("time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			look(b)
		}
	})
	// How far the heap grows beyond what there was, if hardly any garbage may
	// pile up; GOMEMLIMIT decides how much may.
	b.Run("memory", func(b *testing.B) {
		defer debug.SetGCPercent(debug.SetGCPercent(5))
		var most uint64
		for b.Loop() {
			runtime.GC()
			stop := watchHeap(&most)
			look(b)
			stop()
		}
		b.ReportMetric(float64(most)/(1<<20), "MB-heap")
	})
}

// healthy is a keeper and its env, in which everything is as desired.
func healthy(b testing.TB, spaces int) (*env, *subscriptions.Keeper, *storetest.Env) {
	b.Helper()
	s := newEnv(b, simulate.Options{
		Spaces: spaces, Withhold: simulate.LifecycleKinds(), Quotas: simulate.Quotas{Reads: -1, UserReads: -1},
	})
	for _, d := range s.list {
		f := simulate.Unmanaged{Target: d.Target(), Topic: d.Topic, EventTypes: d.EventTypes, IncludeResource: true}
		if _, err := s.AddUnmanaged(f); err != nil {
			b.Fatal(err)
		}
	}
	m, err := subscriptions.New(b.Context(), subscriptions.Options{
		Endpoint: s.WorkspaceEventsEndpoint(), Transport: s.InProcess(), Now: s.clock.Now, Wait: s.clock.Wait,
	})
	if err != nil {
		b.Fatal(err)
	}
	db := storetest.New(b, storetest.Options{Timeout: time.Minute})
	return s, subscriptions.NewKeeper(m, db, subscriptions.KeeperOptions{
		Desired: func(context.Context) ([]subscriptions.Desired, error) { return s.list, nil },
		Topic:   s.list[0].Topic,
	}), db
}

// watchHeap raises most to the greatest growth of the heap until stop is
// called.
func watchHeap(most *uint64) (stop func()) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	look := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before, done, ended := look(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				*most = max(*most, max(look(), before)-before)
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
