package runs_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// crowd makes n people join and returns their runs, oldest first.
func crowd(t *testing.T, s *storetest.Env, n int) []reactors.Run {
	t.Helper()
	for i := range n {
		user := fmt.Sprintf("users/%03d", i)
		record(t, s, live("join "+user, at(i), membership(events.VerbCreated, space, user, events.MembershipJoined)))
	}
	list, err := s.List(t.Context(), runs.Filter{Max: n + 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != n {
		t.Fatalf("%d runs, want %d", len(list), n)
	}
	claimed := make([]reactors.Run, n)
	for i, r := range list {
		claimed[n-1-i] = r
	}
	return claimed
}

// However many ask at once, no more pass than the limit says; who has passed
// passes again.
func TestAdmit(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	claimed := crowd(t, s, 12)
	limits := []reactors.Limit{{Per: reactors.PerSpace, Max: 5, Window: time.Hour}, {Per: reactors.PerMember, Max: 1, Window: time.Hour}}
	admit := func(now time.Time) map[int64]bool {
		var mu sync.Mutex
		passed := map[int64]bool{}
		var wg sync.WaitGroup
		for _, run := range claimed {
			wg.Go(func() {
				reached, _, err := s.Admit(t.Context(), run, limits, nil, now)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if reached == nil {
					passed[run.ID] = true
				} else if *reached != limits[0] {
					t.Errorf("run %d: %v is reached, want %v", run.ID, reached, limits[0])
				}
			})
		}
		wg.Wait()
		return passed
	}
	first := admit(clock())
	if len(first) != 5 {
		t.Errorf("%d runs have passed, want 5", len(first))
	}
	if diff := cmp.Diff(first, admit(clock().Add(time.Minute))); diff != "" {
		t.Errorf("a minute later others have passed (-first +second):\n%s", diff)
	}
	if later := admit(clock().Add(2 * time.Hour)); len(later) != 10 {
		t.Errorf("two hours later %d have passed, want the first 5 and 5 more", len(later))
	}
}

// What may loop is counted where it acts, over all rules: what the same app has caused,
// and if that is in the very space, people; but not what is about the same event, nor in
// shadow mode, nor what was an hour before the event.
func TestAdmitLoop(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	const app, person, elsewhere = `'{"member":{"type":"BOT"}}'`, `'{"member":{"type":"HUMAN"}}'`, "spaces/OTHER"
	limits := []reactors.Limit{{Per: reactors.PerApp, Max: 1, Window: time.Hour}}
	cases := []struct {
		name   string
		event  time.Duration // after the first one's
		change string
		limits []reactors.Limit
		passes bool
	}{
		{"a run that can't loop", 0, `acts_in = ''`, nil, true},
		{"in shadow mode", 1, `shadow = true`, nil, true},
		{"a person", 2, `member = 'users/1', facts = ` + person, nil, true},
		{"an app, another rule, of the same event", 2, `member = 'users/a', reactor = 'other', facts = ` + app, limits, true},
		{"an app", 3, `member = 'users/a', reactor = 'other', facts = ` + app, limits, false},
		{"another app, where we have answered a person", 4, `member = 'users/b', facts = ` + app, limits, false},
		{"a person again", 5, `member = 'users/1', facts = ` + person, nil, true},
		{"an app, to another space", 6, `member = 'users/a', acts_in = '` + elsewhere + `', facts = ` + app, limits, true},
		{"the app once more, to that space", 7, `member = 'users/a', acts_in = '` + elsewhere + `', facts = ` + app, limits, false},
		{"another app to that space", 8, `member = 'users/b', acts_in = '` + elsewhere + `', facts = ` + app, limits, true},
		{"the app, an hour after", 3700, `member = 'users/a', facts = ` + app, limits, true},
		{"another app, where we have answered an app", 3701, `member = 'users/b', facts = ` + app, limits, true},
	}
	claimed := crowd(t, s, len(cases))
	for i, c := range cases {
		if _, err := s.Pool().Exec(t.Context(), `UPDATE reactor_runs SET event_time = $2, acts_in = space WHERE id = $1`,
			claimed[i].ID, clock().Add(c.event*time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Pool().Exec(t.Context(), `UPDATE reactor_runs SET `+c.change+` WHERE id = $1`, claimed[i].ID); err != nil {
			t.Fatal(err)
		}
		run, _, err := s.BeginAttempt(t.Context(), claimed[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		// However long it has waited.
		reached, _, err := s.Admit(t.Context(), run, c.limits, nil, clock().Add(c.event*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if passes := reached == nil; passes != c.passes {
			t.Errorf("%s: passes is %t, want %t", c.name, passes, c.passes)
		}
	}
}

// A message is known for our own by its id and space; a direct message's space
// is not known when it is sent, so it is by its id in any.
func TestOwnMessages(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	run := crowd(t, s, 1)[0]
	if err := s.PrepareRun(t.Context(), run, runs.Prepared{
		Requests: []reactors.Request{{Action: "send", Label: "0.0"}},
		Messages: []runs.OwnMessage{{Space: space, ClientID: "client-a"}, {ClientID: "client-b"}},
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		space, id string
		want      bool
	}{
		{space, "client-a", true},
		{"spaces/DIRECT", "client-a", false},
		{"spaces/DIRECT", "client-b", true},
		{space, "client-c", false},
	} {
		told := reactors.Run{Space: c.space, Facts: reactors.Facts{Space: reactors.SpaceFacts{Name: c.space}, Message: reactors.MessageFacts{ClientID: c.id}}}
		f, err := s.Facts(t.Context(), told, 0, clock())
		if err != nil {
			t.Fatal(err)
		}
		if f.Message.Own != c.want {
			t.Errorf("%s in %s: own is %t, want %t", c.id, c.space, f.Message.Own, c.want)
		}
	}
}

// One run speaks for others or nobody does: if one of them has gone on in the
// meantime, everything stays as it was.
func TestCollapseIsOneTransaction(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	claimed := crowd(t, s, 4)
	leader, _, err := s.BeginAttempt(t.Context(), claimed[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	others, err := s.Gather(t.Context(), leader, at(2), leader.Due)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, o := range others {
		ids = append(ids, o.ID)
	}
	if diff := cmp.Diff([]int64{claimed[1].ID, claimed[2].ID}, ids); diff != "" {
		t.Fatalf("gathered up to the third (-want +got):\n%s", diff)
	}
	p := runs.Prepared{Requests: []reactors.Request{{Action: "send", Label: "0.0", Body: []byte(`{}`)}}, Collapses: ids}
	finish(t, s, claimed[2], reactors.Failed)
	second, _, err := s.BeginAttempt(t.Context(), claimed[2].ID)
	if err != nil {
		t.Fatal(err)
	}
	if second.Outcome == reactors.Pending {
		finish(t, s, second, reactors.Failed)
	}
	if err := s.PrepareRun(t.Context(), leader, p); !errors.Is(err, runs.ErrRunChanged) {
		t.Fatalf("PrepareRun = %v, want ErrRunChanged: one of them has ended", err)
	}
	if got := storetest.Value[int](t, s, `SELECT count(*) FROM reactor_runs WHERE outcome = 'pending' AND requests IS NULL`); got != 3 {
		t.Errorf("%d runs are as they were, want 3", got)
	}
	p.Collapses = ids[:1]
	if err := s.PrepareRun(t.Context(), leader, p); err != nil {
		t.Fatal(err)
	}
	if got := storetest.Value[string](t, s, `SELECT reason FROM reactor_runs WHERE outcome = 'collapsed'`); got != fmt.Sprintf("run %d speaks for it", leader.ID) {
		t.Errorf("reason = %q", got)
	}
	if err := s.PrepareRun(t.Context(), leader, p); !errors.Is(err, runs.ErrRunChanged) {
		t.Errorf("PrepareRun again = %v, want ErrRunChanged", err)
	}
}

// A paused rule's runs lose their jobs and get them back, whichever switch was
// thrown and however a hold and a resume meet.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	run := crowd(t, s, 1)[0]
	hold := func(want bool) {
		t.Helper()
		held, err := s.HoldRun(t.Context(), run)
		if err != nil || held != want {
			t.Fatalf("HoldRun = %v, %v, want %v", held, err, want)
		}
	}
	pause := func(name string) {
		t.Helper()
		if err := s.Pause(t.Context(), name, "why not"); err != nil {
			t.Fatal(err)
		}
	}
	resume := func(name string, want int) {
		t.Helper()
		if n, err := s.Resume(t.Context(), name); err != nil || n != want {
			t.Fatalf("Resume(%q) = %d, %v, want %d", name, n, err, want)
		}
	}
	hindrance := func() runs.Blocked {
		t.Helper()
		_, h, err := s.BeginAttempt(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	jobs := func() int { return storetest.Value[int](t, s, `SELECT count(*) FROM river_job`) }

	hold(false)
	pause("another")
	if hindrance().Paused {
		t.Error("paused by another rule's switch")
	}
	pause("welcome")
	pause(runs.AllReactors)
	if !hindrance().Paused {
		t.Error("not paused")
	}
	before := jobs()
	hold(true)
	resume("welcome", 0) // the kill switch still holds it
	if jobs() != before || !hindrance().Paused {
		t.Error("the kill switch doesn't hold")
	}
	resume(runs.AllReactors, 1)
	if got := jobs(); got != before+1 {
		t.Errorf("%d jobs, want one more than %d", got, before)
	}
	hold(false)
	resume(runs.AllReactors, 0)
	list, err := s.Switches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []runs.Switch{{Reactor: "another", PausedAt: clock(), Reason: "why not"}}
	if diff := cmp.Diff(want, list, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("switches (-want +got):\n%s", diff)
	}
}

// Every evaluation is counted; of those that led to no run a sample is kept.
func TestEvaluationsAreCountedAndSampled(t *testing.T) {
	t.Parallel()
	const n = 400
	not := map[string]bool{}
	for i := range n {
		not[fmt.Sprint("users/", i)] = true
	}
	s := storetest.New(t, storetest.Options{Now: clock, Planner: storetest.Greeter{Not: not}})
	var list []events.Delivery
	for i := range n {
		user := fmt.Sprint("users/", i)
		list = append(list, live("no "+user, at(i), membership(events.VerbCreated, space, user, events.MembershipJoined)))
	}
	record(t, s, list...)
	record(t, s, list...) // delivered again: nothing is evaluated twice
	flush(t, s)
	counts, err := s.OutcomeCounts(t.Context(), clock().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]runs.OutcomeCount{{Reactor: "welcome", Outcome: reactors.ConditionFalse, Count: n}}, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	kept, err := s.Evaluations(t.Context(), runs.Filter{Reactor: "welcome", Max: n})
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) != 50 {
		t.Errorf("%d are kept, want 50", len(kept))
	}
	if got := kept[0]; got.Reason != "not them" || got.Space != space || got.Trigger != reactors.MemberJoined {
		t.Errorf("the first is %+v", got)
	}
}

// claim asks for a run without an event, as a schedule does.
func claim(t *testing.T, s *storetest.Env, in reactors.Intent) error {
	t.Helper()
	if _, err := s.SchedulesClaimed(t.Context(), []string{in.Reactor}, in.EventTime); err != nil {
		return err
	}
	_, err := s.ClaimSchedule(t.Context(), in.Reactor, in.EventTime, func(after time.Time) ([]reactors.Intent, time.Time) {
		return []reactors.Intent{in}, after
	})
	return err
}

// The steps of one subject go one after the other.
func TestStepsWaitForEachOther(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	facts := []byte(`{"space":{"name":"spaces/S"}}`)
	err := claim(t, s, reactors.Intent{
		Reactor: "week", Subject: "spaces/S users/ann", Trigger: reactors.MemberJoined, Space: space, Member: ann, EventTime: at(0), Facts: facts,
		Steps: []reactors.PlannedStep{{Step: 0, ID: "0", Due: at(0)}, {Step: 1, ID: "1", Due: at(0)}, {Step: 2, ID: "2", Due: at(100)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var claimed [3]reactors.Run
	for i := range claimed {
		var h runs.Blocked
		id := storetest.Value[int64](t, s, fmt.Sprintf(`SELECT id FROM reactor_runs WHERE step = %d`, i))
		if claimed[i], h, err = s.BeginAttempt(t.Context(), id); err != nil || h.Behind.IsZero() == (i > 0) {
			t.Fatalf("step %d: %+v, %v", i, h, err)
		}
	}
	wait := storetest.Value[time.Duration](t, s, `SELECT scheduled_at - created_at FROM river_job WHERE args ->> 'run_id' = '`+fmt.Sprint(claimed[2].ID)+`'`)
	if want := at(100).Sub(clock()); wait.Round(10*time.Second) != want.Round(10*time.Second) {
		t.Errorf("the third step's job waits for %s, want %s", wait, want)
	}
	finish(t, s, claimed[0], reactors.Sent)
	if _, h, err := s.BeginAttempt(t.Context(), claimed[1].ID); err != nil || !h.Behind.IsZero() {
		t.Errorf("step 1 after step 0: %+v, %v", h, err)
	}
	second, err := s.Run(t.Context(), claimed[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	finish(t, s, second, reactors.Stopped)
	if third, err := s.Run(t.Context(), claimed[2].ID); err != nil || third.Outcome != reactors.Stopped {
		t.Errorf("the step after the one that stopped is %s, %v", third.Outcome, err)
	}
}

func TestRetryRun(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	run, _, err := s.BeginAttempt(t.Context(), crowd(t, s, 1)[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.RetryRun(t.Context(), run.ID); ok || err != nil {
		t.Errorf("RetryRun of a pending run = %v, %v", ok, err)
	}
	finish(t, s, run, reactors.Failed)
	jobs := storetest.Value[int](t, s, `SELECT count(*) FROM river_job`)
	if ok, err := s.RetryRun(t.Context(), run.ID); !ok || err != nil {
		t.Errorf("RetryRun of a failed run = %v, %v", ok, err)
	}
	if n := storetest.Value[int](t, s, `SELECT sum(count) FROM reactor_outcomes WHERE outcome = 'failed'`); n != 0 {
		t.Errorf("%d runs count as failed while the only one is tried again", n)
	}
	if got := storetest.Value[int](t, s, `SELECT count(*) FROM river_job`); got != jobs+1 {
		t.Errorf("%d jobs, want one more than %d", got, jobs)
	}
	again, _, err := s.BeginAttempt(t.Context(), run.ID)
	if err != nil || again.Outcome != reactors.Pending || !again.Due.Equal(clock()) {
		t.Errorf("the run is %s, due %s, %v", again.Outcome, again.Due, err)
	}
	finish(t, s, again, reactors.Sent)
	if ok, err := s.RetryRun(t.Context(), run.ID); ok || err != nil {
		t.Errorf("RetryRun of a run that was sent = %v, %v", ok, err)
	}
}

// A run that came to nothing is kept as a sample only; but a time of a schedule
// that came to nothing must not be claimed again.
func TestSurplusRunsAreDropped(t *testing.T) {
	t.Parallel()
	for _, trigger := range []reactors.Trigger{reactors.MemberJoined, reactors.Schedule} {
		s := storetest.NewGreeting(t)
		if _, err := s.Pool().Exec(t.Context(), `
			INSERT INTO reactor_counts (hour, shard, count, sampled, reactor, outcome, shadow)
			SELECT date_trunc('hour', $1::timestamptz, 'UTC'), 0, 50, 50, 'r', 'condition_false', false`, clock()); err != nil {
			t.Fatal(err)
		}
		ask := func() {
			if err := claim(t, s, reactors.Intent{
				Reactor: "r", Subject: "x", Trigger: trigger, Space: space, EventTime: at(0), Facts: []byte(`{}`),
				Steps: []reactors.PlannedStep{{Due: at(0)}},
			}); err != nil {
				t.Fatal(err)
			}
		}
		ask()
		finish(t, s, theRun(t, s), reactors.ConditionFalse)
		left := storetest.Value[int](t, s, `SELECT count(*) FROM reactor_runs`)
		ask()
		pending := storetest.Value[int](t, s, `SELECT count(*) FROM reactor_runs WHERE outcome = 'pending'`)
		want := map[reactors.Trigger][2]int{reactors.MemberJoined: {0, 1}, reactors.Schedule: {1, 0}}[trigger]
		if got := [2]int{left, pending}; got != want {
			t.Errorf("%s: kept, and pending when asked again: %v, want %v", trigger, got, want)
		}
	}
}
