package subscriptions_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// fail lets every call fail with an error; nil lets them succeed again.
func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = err
}

// passed is what a job's worker reports.
type passed struct {
	report subscriptions.Report
	err    error
}

// River works on the keeper's passes: one that fails is told and tried again,
// what one changed is told, and one that found nothing to do isn't.
func TestKeeperJob(t *testing.T) {
	t.Parallel()
	s := newEnv(t, simulate.Options{Spaces: 2})
	m, err := subscriptions.New(t.Context(), subscriptions.Options{
		Endpoint: s.WorkspaceEventsEndpoint(), Transport: conformancetest.Check(t, s.InProcess()), Now: s.clock.Now, Wait: s.wait,
	})
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.InfoLevel)
	const budget = 3 * time.Minute
	var left []time.Duration // for each pass, when it begins; passes come one after the other
	k := subscriptions.NewKeeper(m, s.keep, subscriptions.KeeperOptions{
		Desired: func(ctx context.Context) ([]subscriptions.Desired, error) {
			end, _ := ctx.Deadline()
			left = append(left, time.Until(end))
			return s.list, nil
		},
		Topic: s.list[0].Topic, Budget: budget, Log: zap.New(core),
	})
	reports := make(chan passed, 10)
	workers := river.NewWorkers()
	if err := k.AddWorkers(workers, func(r subscriptions.Report, err error) { reports <- passed{r, err} }); err != nil {
		t.Fatal(err)
	}
	db := storetest.New(t, storetest.Options{})
	client, err := jobs.NewClient(db.Pool(), db.Store.Clock(), zap.NewNop(), jobs.Options{
		Queues: map[string]int{jobs.QueueKeeper: 1}, Workers: workers, Grace: time.Second,
		Periodic: []*river.PeriodicJob{subscriptions.Periodic(time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended, unsubscribe := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer unsubscribe()
	s.memory.fail(errors.New("the database is away"))
	ctx, cancel := context.WithCancel(t.Context())
	if err := client.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		<-client.Stopped()
	}()
	next := func() (e *river.Event, p passed) {
		t.Helper()
		select {
		case e = <-ended:
		case <-time.After(time.Minute):
			t.Fatal("no pass ended within a minute")
		}
		select {
		case p = <-reports:
		case <-time.After(time.Minute):
			t.Fatal("a pass isn't reported")
		}
		return e, p
	}

	first, p := next()
	if first.Kind != river.EventKindJobFailed || p.err == nil || !strings.Contains(p.err.Error(), "the database is away") {
		t.Fatalf("the first pass: %s, reported %+v, want that it failed", first.Kind, p)
	}
	failed := logs.FilterMessage("subscriptions not compared; retrying")
	if failed.Len() != 1 || failed.All()[0].Level != zap.ErrorLevel {
		t.Errorf("its failure is told by %+v, want one error", failed.All())
	}
	s.memory.fail(nil)
	e, p := next()
	if e.Kind != river.EventKindJobCompleted || e.Job.Attempt != 2 || e.Job.Queue != jobs.QueueKeeper || p.err != nil || p.report.Actions[subscriptions.Create] != 2 {
		t.Fatalf("the second pass: %s, attempt %d, reported %+v, want two subscriptions created", e.Kind, e.Job.Attempt, p)
	}
	done := logs.FilterMessage("keeper pass finished")
	if done.Len() != 1 || done.All()[0].ContextMap()["create"] != int64(2) {
		t.Errorf("what it did is told by %+v, want two subscriptions created", done.All())
	}
	opts := jobs.KeepOpts()
	if _, err := client.Insert(ctx, jobs.Keep{Slot: time.Now().Add(time.Hour)}, &opts); err != nil {
		t.Fatal(err)
	}
	if e, p = next(); e.Kind != river.EventKindJobCompleted || p.err != nil || p.report.Actions[subscriptions.Keep] != 2 {
		t.Errorf("the third pass: %s, reported %+v, want nothing to do", e.Kind, p)
	}
	if n := logs.FilterMessage("keeper pass finished").Len(); n != 1 {
		t.Errorf("%d passes are told, want the one that did something", n)
	}
	var args jobs.Keep
	if err := json.Unmarshal(first.Job.EncodedArgs, &args); err != nil || args.Slot.IsZero() || !args.Slot.Equal(args.Slot.Truncate(jobs.KeepSlot)) {
		t.Errorf("the periodic job is for slot %s, %v, want one of %s: there it is one with what others ask for", args.Slot, err, jobs.KeepSlot)
	}
	for i, d := range left {
		if d < budget || d > 2*budget {
			t.Errorf("pass %d may take %s, want its budget of %s and little more", i, d, budget)
		}
	}
}
