package runs_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func flush(t testing.TB, s *storetest.Env) {
	t.Helper()
	if _, err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func written(i int) events.Delivery {
	return live(fmt.Sprint("m", i), at(i), storetest.Message(events.VerbCreated, fmt.Sprintf("spaces/S/messages/M%d", i), ann, "hello", at(i), at(i)))
}

// What a hundred rules don't do costs a message next to nothing: neither rows
// nor log, once the hour's samples are taken.
func TestRefusalsCostNoLog(t *testing.T) {
	const n = 200
	cost := func(rules int) (log int) {
		s := storetest.New(t, storetest.Options{Now: clock, Planner: storetest.NewRefusers(rules)})
		for i := range 100 { // the samples of this hour
			record(t, s, written(i))
			if i%20 == 19 {
				flush(t, s)
			}
		}
		log = storetest.Logged(t, s, func() {
			for i := range n {
				record(t, s, written(100+i))
			}
			flush(t, s)
		})
		if got := storetest.Value[int](t, s, `SELECT COALESCE(sum(count), 0) FROM reactor_outcomes`); got != rules*(100+n) {
			t.Errorf("%d rules: %d evaluations are counted, want %d", rules, got, rules*(100+n))
		}
		if got := storetest.Value[int](t, s, `SELECT count(*) FROM reactor_evaluations`); got != rules*50 {
			t.Errorf("%d rules: %d samples are kept, want 50 of each", rules, got)
		}
		return log / n
	}
	without, with := cost(0), cost(100)
	t.Logf("a message takes %d bytes of log without rules, %d with 100 that refuse it", without, with)
	if more := with - without; more > 150 {
		t.Errorf("a message takes %d bytes of log without rules and %d more with 100 that refuse it", without, more)
	}
}

// However many replicas there are, and however they take turns, an hour has one
// budget of samples of a rule and an outcome.
func TestReplicasShareOneBudgetOfSamples(t *testing.T) {
	t.Parallel()
	dsn := storetest.NewDSN(t)
	var replicas []*storetest.Env
	for range 4 {
		replicas = append(replicas, storetest.Open(t, dsn, storetest.Options{Now: clock, Planner: storetest.NewRefusers(2)}))
	}
	for i := range 240 {
		s := replicas[i%len(replicas)]
		record(t, s, written(i))
		if i%20 == 19 {
			flush(t, s)
		}
	}
	for _, s := range replicas {
		flush(t, s)
	}
	for i := range 2 {
		kept, err := replicas[0].Evaluations(t.Context(), runs.Filter{Reactor: fmt.Sprintf("rule-%03d", i), Max: 1000})
		if err != nil || len(kept) != 50 {
			t.Errorf("%d samples, %v, want 50", len(kept), err)
		}
	}
	if got := storetest.Value[int](t, replicas[0], `SELECT sum(count) FROM reactor_outcomes`); got != 480 {
		t.Errorf("%d evaluations are counted, want 480", got)
	}
}

// An hour that ends before it is saved has its own count and its own samples.
func TestHoursAreToldApart(t *testing.T) {
	t.Parallel()
	now := storetest.Epoch
	s := storetest.New(t, storetest.Options{Now: func() time.Time { return now }, Planner: storetest.NewRefusers(3)})
	for hour := range 3 {
		now = storetest.Epoch.Add(time.Duration(hour) * time.Hour)
		for i := range 60 {
			record(t, s, written(hour*60+i))
		}
		if hour == 1 {
			flush(t, s)
		}
	}
	flush(t, s)
	got := column(t, s, `
		SELECT format('%s: %s', since - date_trunc('hour', $1::timestamptz, 'UTC'), sum(count))
		FROM reactor_outcomes
		GROUP BY since
		ORDER BY since`, storetest.Epoch)
	if diff := cmp.Diff([]string{"00:00:00: 180", "01:00:00: 180", "02:00:00: 180"}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM reactor_evaluations`); n != 3*3*50 {
		t.Errorf("%d samples, want 50 of each rule and hour", n)
	}
}

// What can't be saved is saved later.
func TestFlushIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock, Planner: storetest.NewRefusers(2)})
	exec := func(sql string) {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, broken := range []string{"reactor_counts", "reactor_evaluations"} {
		exec(`ALTER TABLE ` + broken + ` RENAME TO away`)
		record(t, s, written(len(broken)))
		if n, err := s.Flush(t.Context()); n != 0 || err == nil {
			t.Errorf("without %s %d counts were saved, %v", broken, n, err)
		}
		exec(`ALTER TABLE away RENAME TO ` + broken)
		record(t, s, written(100+len(broken)))
	}
	flush(t, s)
	for sql, want := range map[string]int{
		`SELECT sum(count) FROM reactor_outcomes`: 8, `SELECT count(*) FROM reactor_evaluations`: 8,
		`SELECT count(DISTINCT subject) FROM reactor_evaluations`: 4,
	} {
		if got := storetest.Value[int](t, s, sql); got != want {
			t.Errorf("%s = %d, want %d", sql, got, want)
		}
	}
}

// However often it fails, no more samples are held than an hour has.
func TestSamplesHeldAreBounded(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock, Planner: storetest.NewRefusers(1)})
	lock, err := s.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `LOCK TABLE reactor_counts`); err != nil {
		t.Fatal(err)
	}
	const n = 240
	record(t, s, written(0))
	for i := 1; i < n; i += 60 {
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := s.Flush(ctx)
			failed <- err
		}()
		storetest.WaitForLocks(t, s, 1)
		for j := i; j < min(i+60, n); j++ {
			record(t, s, written(j))
		}
		cancel()
		if err := <-failed; err == nil {
			t.Fatal("counts were saved in spite of the lock")
		}
	}
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	got := storetest.Value[string](t, s, `SELECT count || ', ' || sampled FROM reactor_counts`)
	if want := fmt.Sprint(n, ", 50"); got != want {
		t.Errorf("counted and offered as samples: %s, want %s", got, want)
	}
}

// When it is told to end, it saves what there is.
func TestLastFlush(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock, Planner: storetest.NewRefusers(1)})
	record(t, s, written(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.KeepFlushing(ctx)
	if got := storetest.Value[int](t, s, `SELECT sum(count) FROM reactor_outcomes`); got != 1 {
		t.Errorf("%d evaluations are counted, want 1", got)
	}
}
