package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// welcomer asks for one run per (space, person) at every join.
type welcomer struct{}

func (welcomer) Name() string                            { return "welcome" }
func (welcomer) MaxAge() time.Duration                   { return time.Hour }
func (welcomer) Act(context.Context, reactors.Run) error { return nil }
func (welcomer) Plan(c reactors.Change) ([]reactors.Run, error) {
	if !c.Joined {
		return nil, nil
	}
	return []reactors.Run{{
		Subject: c.Item.Space + "/" + c.Item.Actor, Space: c.Item.Space, Member: c.Item.Actor,
		EventTime: c.Event.Time, Request: json.RawMessage(`{"id":` + fmt.Sprintf("%q", c.Event.ID) + `}`),
	}}, nil
}

func newRunsEnv(t *testing.T) *store.Store {
	t.Helper()
	return storetest.New(t, store.Options{Now: clock, Reactors: []reactors.Reactor{welcomer{}}}).Store
}

const ann, space = "users/ann", "spaces/S"

func join(id string, seconds int) events.Delivery {
	return live(id, at(seconds), membership(events.VerbCreated, space, ann, events.MembershipJoined))
}

func leave(id string, seconds int) events.Delivery {
	return live(id, at(seconds), membership(events.VerbDeleted, space, ann, ""))
}

func update(id string, seconds int) events.Delivery {
	return live(id, at(seconds), membership(events.VerbUpdated, space, ann, events.MembershipJoined))
}

func invite(id string, seconds int) events.Delivery {
	return live(id, at(seconds), membership(events.VerbCreated, space, ann, events.MembershipInvited))
}

func backfilled(d events.Delivery) events.Delivery {
	d.Origin = events.OriginBackfill
	return d
}

// Whether a run is planned is the same for every order and grouping in which
// the events of one member can arrive.
func TestJoins(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		history []events.Delivery
		want    int
	}{
		"created":                   {[]events.Delivery{join("1", 1)}, 1},
		"invited only":              {[]events.Delivery{invite("1", 1)}, 0},
		"invited, then accepted":    {[]events.Delivery{invite("1", 1), update("2", 2)}, 1},
		"role of an old member":     {[]events.Delivery{update("1", 1), update("2", 2)}, 0},
		"twice":                     {[]events.Delivery{join("1", 1), leave("2", 2), join("3", 3)}, 1},
		"left, then back by update": {[]events.Delivery{leave("1", 1), update("2", 2)}, 1},
		"backfilled":                {[]events.Delivery{backfilled(join("1", 1))}, 0},
		"backfilled invitation":     {[]events.Delivery{backfilled(invite("1", 1)), update("2", 2)}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			permute(tt.history, func(order []events.Delivery) {
				for _, together := range []bool{true, false} {
					s := newRunsEnv(t)
					if together {
						record(t, s, order...)
					} else {
						for _, d := range order {
							record(t, s, d)
						}
					}
					got := []int{value[int](t, s, `SELECT count(*) FROM reactor_runs`), value[int](t, s, `SELECT count(*) FROM river_job`)}
					if diff := cmp.Diff([]int{tt.want, tt.want}, got); diff != "" {
						t.Errorf("runs and jobs, together=%v, first %s (-want +got):\n%s", together, order[0].MessageID, diff)
					}
				}
			})
		})
	}
}

// A backfill and Pub/Sub may bring the same event, in either order. Who joined
// is greeted for what Pub/Sub brings, and once.
func TestJoinIsBackfilledAndDelivered(t *testing.T) {
	t.Parallel()
	permute([]events.Delivery{backfilled(join("1", 1)), join("1", 1), join("1", 1)}, func(order []events.Delivery) {
		s := newRunsEnv(t)
		for _, d := range order {
			record(t, s, d)
		}
		got := []int{value[int](t, s, `SELECT count(*) FROM reactor_runs`), value[int](t, s, `SELECT count(*) FROM river_job`)}
		if diff := cmp.Diff([]int{1, 1}, got); diff != "" {
			t.Errorf("runs and jobs, first %s (-want +got):\n%s", order[0].Origin, diff)
		}
		if n := value[int](t, s, `SELECT count(*) FROM events`); n != 1 {
			t.Errorf("the event is recorded %d times", n)
		}
	})
}

func permute[T any](list []T, visit func([]T)) {
	var rec func(int)
	rec = func(k int) {
		if k == len(list) {
			visit(list)
			return
		}
		for i := k; i < len(list); i++ {
			list[k], list[i] = list[i], list[k]
			rec(k + 1)
			list[k], list[i] = list[i], list[k]
		}
	}
	rec(0)
}

func theRun(t *testing.T, s *store.Store) (reactors.Run, reactors.RunState, int) {
	t.Helper()
	run, state, attempt, err := s.RunForAttempt(t.Context(), value[int64](t, s, `SELECT id FROM reactor_runs`))
	if err != nil {
		t.Fatal(err)
	}
	return run, state, attempt
}

func TestRunIsSkippedAndReopened(t *testing.T) {
	t.Parallel()
	s := newRunsEnv(t)
	record(t, s, join("1", 1))
	run, state, attempt := theRun(t, s)
	want := reactors.Run{ID: run.ID, Reactor: "welcome", Subject: "spaces/S/users/ann", Space: space, Member: ann,
		EventTime: at(1), Request: json.RawMessage(`{"id":"spaces/S/spaceEvents/1"}`)}
	if diff := cmp.Diff(want, run); diff != "" || state != reactors.RunPending || attempt != 1 {
		t.Fatalf("run is %s at attempt %d (-want +got):\n%s", state, attempt, diff)
	}
	if skipped, err := s.SkipIfGone(t.Context(), run); skipped || err != nil {
		t.Fatalf("SkipIfGone of a member = %v, %v", skipped, err)
	}
	record(t, s, leave("2", 2))
	if skipped, err := s.SkipIfGone(t.Context(), run); !skipped || err != nil {
		t.Fatalf("SkipIfGone of one who left = %v, %v", skipped, err)
	}
	if _, state, attempt := theRun(t, s); state != reactors.RunSkipped || attempt != 1 {
		t.Fatalf("run is %s at attempt %d, want skipped at 1", state, attempt)
	}
	record(t, s, join("3", 3))
	again, state, attempt := theRun(t, s)
	if state != reactors.RunPending || attempt != 1 || again.ID != run.ID || !again.EventTime.Equal(at(3)) {
		t.Fatalf("after coming back: run %+v is %s at attempt %d", again, state, attempt)
	}
	if got := value[int](t, s, `SELECT count(*) FROM river_job`); got != 2 {
		t.Errorf("jobs = %d, want 2", got)
	}
	for range 2 {
		if err := s.FinishRun(t.Context(), run.ID, reactors.RunSent, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.FinishRun(t.Context(), run.ID, reactors.RunParked, "late"); err != nil {
		t.Fatal(err)
	}
	record(t, s, leave("4", 4), join("5", 5))
	if _, state, _ := theRun(t, s); state != reactors.RunSent {
		t.Errorf("run is %s, want sent for good", state)
	}
}

// A run about to expire is asked for again by a newer event: it must not end.
func TestExpiryMeetsRejoin(t *testing.T) {
	t.Parallel()
	s := newRunsEnv(t)
	record(t, s, join("1", -8000))
	run, _, _ := theRun(t, s)
	record(t, s, leave("2", 1), join("3", 2))
	if err := s.FinishRun(t.Context(), run.ID, reactors.RunExpired, "old"); err == nil {
		t.Fatal("FinishRun(expired) = nil, want ErrRunChanged")
	}
	run, state, _ := theRun(t, s)
	if state != reactors.RunPending || !run.EventTime.Equal(at(2)) {
		t.Fatalf("run is %s of %s, want pending of the rejoin", state, run.EventTime)
	}
	if err := s.FinishRun(t.Context(), run.ID, reactors.RunExpired, "old"); err != nil {
		t.Fatal(err)
	}
}

// However SkipIfGone and the recording of a rejoin meet, the run is pending
// in the end. The two are held at their critical points by a row lock.
func TestSkipMeetsRejoin(t *testing.T) {
	t.Parallel()
	rounds := 40
	if storetest.Full() {
		rounds = 2000
	}
	s := newRunsEnv(t)
	record(t, s, join("first", 0))
	for i := range rounds {
		base := i * 10
		record(t, s, leave(fmt.Sprint("l", i), base+1))
		run, _, _ := theRun(t, s)
		done := make(chan error, 2)
		// Both wait for the run's row; whoever gets it first is left to chance.
		hold, err := s.Pool().BeginTx(t.Context(), pgx.TxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hold.Exec(t.Context(), `SELECT id FROM reactor_runs FOR UPDATE`); err != nil {
			t.Fatal(err)
		}
		skip := func() {
			_, err := s.SkipIfGone(t.Context(), run)
			done <- err
		}
		rejoin := func() {
			_, err := s.Record(t.Context(), []events.Delivery{join(fmt.Sprint("j", i), base+2)})
			done <- err
		}
		first, second := skip, rejoin
		if i%2 == 1 {
			first, second = rejoin, skip
		}
		go first()
		waitForLocks(t, s, 1)
		go second()
		waitForLocks(t, s, 2)
		if err := hold.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if _, state, _ := theRun(t, s); state != reactors.RunPending {
			t.Fatalf("round %d: run is %s: the welcome is lost", i, state)
		}
	}
}

// waitForLocks waits until n statements wait for a lock.
func waitForLocks(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for value[int](t, s, `
		SELECT count(*)
		FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`) < n {
	}
}

func TestReserveWrite(t *testing.T) {
	t.Parallel()
	s := newRunsEnv(t)
	for i := range 3 {
		user := fmt.Sprint("users/", i)
		record(t, s, live(user, at(i), membership(events.VerbCreated, space, user, "JOINED")))
	}
	reserve := func(run int64) time.Duration {
		wait, err := s.ReserveWrite(t.Context(), space, run, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for i, want := range []time.Duration{0, time.Minute, 2 * time.Minute} {
		if got := reserve(int64(i + 1)); got > want || got < want-10*time.Second {
			t.Errorf("run %d waits %s, want about %s", i+1, got, want)
		}
	}
	if got := reserve(2); got > time.Minute || got < 50*time.Second {
		t.Errorf("run 2, asking again, waits %s: it must keep its turn", got)
	}
	if got := reserve(1); got != 0 {
		t.Errorf("run 1, asking again, waits %s: it must keep its turn", got)
	}
}
