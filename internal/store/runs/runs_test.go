package runs_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

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
		"backfilled acceptance":     {[]events.Delivery{invite("1", 1), backfilled(update("2", 2))}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			permute(tt.history, func(order []events.Delivery) {
				for _, together := range []bool{true, false} {
					s := storetest.NewGreeting(t)
					if together {
						record(t, s, order...)
					} else {
						for _, d := range order {
							record(t, s, d)
						}
					}
					got := []int{storetest.Value[int](t, s, `SELECT count(*) FROM reactor_runs`), storetest.Value[int](t, s, `SELECT count(*) FROM river_job`)}
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
		s := storetest.NewGreeting(t)
		for _, d := range order {
			record(t, s, d)
		}
		got := []int{storetest.Value[int](t, s, `SELECT count(*) FROM reactor_runs`), storetest.Value[int](t, s, `SELECT count(*) FROM river_job`)}
		if diff := cmp.Diff([]int{1, 1}, got); diff != "" {
			t.Errorf("runs and jobs, first %s (-want +got):\n%s", order[0].Origin, diff)
		}
		if n := storetest.Value[int](t, s, `SELECT count(*) FROM events`); n != 1 {
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

func theRun(t *testing.T, s *storetest.Env) reactors.Run {
	t.Helper()
	run, _, err := s.BeginAttempt(t.Context(), storetest.Value[int64](t, s, `SELECT id FROM reactor_runs`))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func isMember(t *testing.T, s *storetest.Env, run reactors.Run) bool {
	t.Helper()
	f, err := s.Facts(t.Context(), run, reactors.NeedMember, clock())
	if err != nil {
		t.Fatal(err)
	}
	return f.Member.IsMember
}

func finish(t *testing.T, s *storetest.Env, run reactors.Run, o reactors.Outcome) {
	t.Helper()
	if err := s.FinishRun(t.Context(), run, o, "a reason"); err != nil {
		t.Fatal(err)
	}
}

func TestRunEndsAndIsReopened(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	record(t, s, join("1", 1))
	run := theRun(t, s)
	want := reactors.Run{ID: run.ID, Reactor: "welcome", Subject: "spaces/S users/ann", Space: space, Member: ann, Trigger: reactors.MemberJoined,
		EventTime: at(1), Due: at(1), Outcome: reactors.Pending, Attempts: 1, Facts: run.Facts, Trace: []reactors.TraceEntry{}}
	if diff := cmp.Diff(want, run); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if !isMember(t, s, run) {
		t.Error("who has joined isn't a member")
	}
	record(t, s, leave("2", 2))
	if isMember(t, s, run) {
		t.Error("who has left is a member")
	}
	finish(t, s, run, reactors.Left)
	if run := theRun(t, s); run.Outcome != reactors.Left || run.Attempts != 1 || run.Reason != "a reason" {
		t.Fatalf("run is %s at attempt %d, want left at 1", run.Outcome, run.Attempts)
	}
	record(t, s, join("3", 3))
	again := theRun(t, s)
	if again.Outcome != reactors.Pending || again.Attempts != 1 || again.ID != run.ID || !again.EventTime.Equal(at(3)) {
		t.Fatalf("after coming back: %+v", again)
	}
	if got := storetest.Value[int](t, s, `SELECT count(*) FROM river_job`); got != 2 {
		t.Errorf("jobs = %d, want 2", got)
	}
	for range 2 {
		finish(t, s, again, reactors.Sent)
	}
	finish(t, s, again, reactors.Failed)
	record(t, s, leave("4", 4), join("5", 5))
	if run := theRun(t, s); run.Outcome != reactors.Sent {
		t.Errorf("run is %s, want sent for good", run.Outcome)
	}
	flush(t, s)
	counts := map[reactors.Outcome]int64{}
	list, err := s.OutcomeCounts(t.Context(), clock().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		counts[c.Outcome] = c.Count
	}
	if diff := cmp.Diff(map[reactors.Outcome]int64{reactors.Left: 1, reactors.Sent: 1, reactors.AlreadyDone: 1}, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// A run about to end is asked for again by a newer event: it must not end.
func TestEndMeetsRejoin(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	record(t, s, join("1", -8000))
	run := theRun(t, s)
	record(t, s, leave("2", 1), join("3", 2))
	if err := s.FinishRun(t.Context(), run, reactors.TooOld, "old"); !errors.Is(err, runs.ErrRunChanged) {
		t.Fatalf("FinishRun(too_old) = %v, want ErrRunChanged", err)
	}
	run = theRun(t, s)
	if run.Outcome != reactors.Pending || !run.EventTime.Equal(at(2)) {
		t.Fatalf("run is %s of %s, want pending of the rejoin", run.Outcome, run.EventTime)
	}
	finish(t, s, run, reactors.TooOld)
}

// However the end of a run and the recording of a rejoin meet, the run is
// pending in the end. The two are held at their critical points by a row lock.
func TestLeavingMeetsRejoin(t *testing.T) {
	t.Parallel()
	rounds := 40
	if storetest.Full() {
		rounds = 2000
	}
	s := storetest.NewGreeting(t)
	record(t, s, join("first", 0))
	for i := range rounds {
		base := i * 10
		record(t, s, leave(fmt.Sprint("l", i), base+1))
		run := theRun(t, s)
		done := make(chan error, 2)
		// Both wait for the run's row; whoever gets it first is left to chance.
		hold, err := s.Pool().BeginTx(t.Context(), pgx.TxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hold.Exec(t.Context(), `SELECT id FROM reactor_runs FOR UPDATE`); err != nil {
			t.Fatal(err)
		}
		end := func() {
			err := s.FinishRun(t.Context(), run, reactors.Left, "left")
			if errors.Is(err, runs.ErrRunChanged) {
				err = nil
			}
			done <- err
		}
		rejoin := func() {
			_, err := s.Record(t.Context(), []events.Delivery{join(fmt.Sprint("j", i), base+2)})
			done <- err
		}
		first, second := end, rejoin
		if i%2 == 1 {
			first, second = rejoin, end
		}
		go first()
		storetest.WaitForLocks(t, s, 1)
		go second()
		storetest.WaitForLocks(t, s, 2)
		if err := hold.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if run := theRun(t, s); run.Outcome != reactors.Pending {
			t.Fatalf("round %d: run is %s: the welcome is lost", i, run.Outcome)
		}
	}
}

// waitForLocks waits until n statements wait for a lock.
func TestReserveWrite(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	for i := range 3 {
		user := fmt.Sprint("users/", i)
		record(t, s, live(user, at(i), membership(events.VerbCreated, space, user, "JOINED")))
	}
	reserve := func(run int64) time.Duration {
		wait, err := s.ReserveWrite(t.Context(), runs.Pace{Name: space, Interval: time.Minute}, run)
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

// A run that hasn't ended and whose job is gone gets another, but for one that is held, whose
// turn hasn't come, or that has its job.
func TestLostRunsAreRequestedAgain(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	crowd(t, s, 5)
	for _, sql := range []string{
		`DELETE FROM river_job WHERE args->>'run_id' IN ('1', '3')`,
		`UPDATE river_job SET state = 'discarded', finalized_at = now() WHERE args->>'run_id' IN ('2', '4')`,
		`UPDATE reactor_runs SET due_at = due_at - interval '1 hour', held = id = 3, outcome = CASE id WHEN 1 THEN 'unclear' ELSE outcome END WHERE id <> 4`,
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{2, 0} {
		if lost, err := s.RequestLostRuns(t.Context()); err != nil || lost != want {
			t.Errorf("round %d: %d runs were lost, %v, want %d", i, lost, err, want)
		}
		waiting := column(t, s, `SELECT args->>'run_id' FROM river_job WHERE finalized_at IS NULL ORDER BY args->>'run_id'`)
		if diff := cmp.Diff([]string{"1", "2", "5"}, waiting); diff != "" {
			t.Errorf("round %d: runs that have a job (-want +got):\n%s", i, diff)
		}
	}
	_, err := s.Pool().Exec(t.Context(), `UPDATE reactor_runs SET outcome = 'sent', finished_at = now(); DELETE FROM river_job`)
	if lost, lostErr := s.RequestLostRuns(t.Context()); err != nil || lostErr != nil || lost != 0 {
		t.Errorf("%d runs that have ended were lost, %v, %v", lost, err, lostErr)
	}
}

// A backfill has recorded a join before Pub/Sub delivers it: what rules say no to
// is counted at the first delivery, and not again at each redelivery.
func TestRedeliveryIsEvaluatedOnce(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock, Planner: storetest.Greeter{Not: map[string]bool{ann: true}}})
	record(t, s, backfilled(join("1", 1)))
	for range 3 {
		record(t, s, join("1", 1))
	}
	flush(t, s)
	if n := storetest.Value[int](t, s, `SELECT sum(count) FROM reactor_outcomes`); n != 1 {
		t.Errorf("%d evaluations are counted, want 1", n)
	}
}
