package engine_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// BenchmarkRuns measures how many runs a second one worker carries out, with
// its own settings for jobs and connections, while each action takes 20 ms as a
// call of the Chat API may. Every run is of a space of its own and nothing
// holds back the project: so no turn is waited for.
func BenchmarkRuns(b *testing.B) {
	const callTakes = 20 * time.Millisecond
	var wg sync.WaitGroup
	var sent atomic.Int64
	action := &say{before: func(ctx context.Context, _ said) error {
		t := time.NewTimer(callTakes)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	set, err := rules.Parse("reactors.yaml", []byte(plain), rules.Options{Actions: []reactors.Action{action}})
	if err != nil {
		b.Fatal(err)
	}
	ruleSet := engine.NewRuleSet(set)
	db := storetest.New(b, storetest.Options{Planner: ruleSet, MaxConns: 10})
	now := time.Now()
	record := func(from, to int) {
		var list []events.Delivery
		for i := from; i < to; i++ {
			list = append(list, delivery(i, now, member(events.VerbCreated, fmt.Sprint("spaces/S", i), fmt.Sprint("users/", i))))
		}
		if _, err := db.Record(b.Context(), list); err != nil {
			b.Fatal(err)
		}
	}
	const batch = 500
	for from := 0; from < b.N; from += batch {
		record(from, min(from+batch, b.N))
	}
	wg.Add(b.N)
	d := engine.NewDispatcher(ruleSet, []reactors.Action{action}, db.Runs, db.Log, zap.NewNop(), engine.Options{
		WriteInterval: time.Second,
		Observe: func(_ reactors.Run, o reactors.Outcome, _ string) {
			if o == reactors.Sent {
				sent.Add(1)
			}
			wg.Done()
		},
	})
	workers := river.NewWorkers()
	if err := d.AddWorkers(workers); err != nil {
		b.Fatal(err)
	}
	client, err := jobs.NewClient(db.Pool(), db.Store.Clock(), zap.NewNop(), jobs.Options{
		Queues: map[string]int{reactors.Queue: engine.MaxWorkers}, Punctual: reactors.Queue, Workers: workers, Grace: time.Second,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	b.ResetTimer()
	if err := client.Start(ctx); err != nil {
		b.Fatal(err)
	}
	wg.Wait()
	b.StopTimer()
	cancel()
	<-client.Stopped()
	if got := int(sent.Load()); got != b.N {
		b.Errorf("%d of %d runs were sent", got, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}
