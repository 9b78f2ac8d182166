package engine_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

const waiting = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    wait: 1h
    do: [say: { text: "Welcome, {{ member.mention }}!" }]
`

func wantOutcomes(t *testing.T, s *env, want ...reactors.Outcome) {
	t.Helper()
	if diff := cmp.Diff(want, s.outcomes()); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func wantTexts(t *testing.T, s *env, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), s.action.texts()); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}

// A wait is kept in the store, by the run and by its job: a worker that starts
// in the meantime knows of it.
func TestWaitSurvivesRestart(t *testing.T) {
	t.Parallel()
	s := newEnv(t, waiting)
	s.join("users/1")
	if wait := value[time.Duration](t, s.store, `SELECT scheduled_at - created_at FROM river_job`); wait.Round(time.Minute) != time.Hour {
		t.Errorf("the job waits for %s, want an hour", wait)
	}
	s.wait(20 * time.Minute)
	s.Dispatcher = s.newDispatcher()
	if diff := cmp.Diff([]time.Duration{40 * time.Minute}, s.attemptAll()); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	wantTexts(t, s)
	s.wait(40 * time.Minute)
	s.Dispatcher = s.newDispatcher()
	s.attemptAll()
	wantTexts(t, s, "Welcome, <users/1>!")
	wantOutcomes(t, s, reactors.Sent)
}

const sequence = `
reactors:
  - id: first-week
    mode: live
    on: member.joined
    max_age: 10m
    sequence:
      - { after: 1m, do: [say: { text: "one" }] }
      - { after: 1d, do: [say: { text: "two" }] }
      - { after: 7d, do: [say: { text: "three" }] }
    stop_when: member.messages_in_space > 0
`

func TestSequenceSurvivesRestarts(t *testing.T) {
	t.Parallel()
	s := newEnv(t, sequence)
	s.join("users/1")
	for _, now := range []time.Duration{time.Minute, 24 * time.Hour, 7 * 24 * time.Hour} {
		s.Dispatcher = s.newDispatcher()
		s.setClock(start.Add(now - time.Second))
		s.attemptAll()
		before := len(s.action.texts())
		s.setClock(start.Add(now))
		s.attemptAll()
		if got := len(s.action.texts()); got != before+1 {
			t.Errorf("after %s %d steps were done and %d a second before it, want one more", now, got, before)
		}
	}
	wantTexts(t, s, "one", "two", "three")
	wantOutcomes(t, s, reactors.Sent, reactors.Sent, reactors.Sent)
}

// Who leaves or does what stop_when says ends the sequence, with all steps that
// are left; who is in between and comes back begins none anew.
func TestSequenceStops(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		act  func(s *env)
		want reactors.Outcome
	}{
		"on leaving":   {func(s *env) { s.leave("users/1") }, reactors.Left},
		"by stop_when": {func(s *env) { s.post("users/1", events.UserHuman, "hello") }, reactors.Stopped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, sequence)
			s.join("users/1")
			s.wait(time.Minute)
			s.attemptAll()
			tt.act(s)
			s.wait(24*time.Hour - time.Minute)
			s.attempt(s.runs()[1].ID)
			wantOutcomes(t, s, reactors.Sent, tt.want, tt.want)
			wantTexts(t, s, "one")
		})
	}
}

// What a rule's conditions say about the state of things is asked when the
// run's turn has come.
func TestConditionsAreAskedAgain(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"still", "if"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, waiting+"    "+key+": member.messages_in_space == 0\n")
			s.join("users/1", "users/2")
			s.wait(30 * time.Minute)
			s.post("users/1", events.UserHuman, "hello")
			s.wait(30 * time.Minute)
			s.attemptAll()
			wantOutcomes(t, s, reactors.ConditionFalse, reactors.Sent)
			wantTexts(t, s, "Welcome, <users/2>!")
		})
	}
}

// Age is counted from when a run's turn came, not from its event.
func TestMaxAgeCountsFromTheTurn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		late time.Duration
		want reactors.Outcome
	}{
		"in time":  {10 * time.Minute, reactors.Sent},
		"too late": {10*time.Minute + time.Second, reactors.TooOld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, waiting+"    max_age: 10m\n")
			s.join("users/1")
			s.wait(time.Hour + tt.late)
			s.attemptAll()
			wantOutcomes(t, s, tt.want)
		})
	}
}

// An age is looked at before every attempt, those with a stored request too.
func TestAgeIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	s := newEnv(t, waiting+"    max_age: 10m\n")
	s.action.before = unavailable
	s.join("users/1")
	s.wait(time.Hour)
	s.attemptAll()
	wantOutcomes(t, s, reactors.Pending)
	s.action.before = nil
	s.wait(11 * time.Minute)
	s.attemptAll()
	wantOutcomes(t, s, reactors.TooOld)
	wantTexts(t, s)
}
