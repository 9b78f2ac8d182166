package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// A run of which a part is done is brought to its end, but not for ever: it is
// never later than max_age.
func TestWhatWasBegunGetsTooOld(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    max_age: 10m
    do: [say: { text: "one" }, say: { text: "two" }]
`)
	s.action.before = func(_ context.Context, m said) error {
		if m.Text == "two" {
			return errors.New("the other side is away")
		}
		return nil
	}
	s.join("users/1")
	s.attemptAll()
	wantOutcomes(t, s, reactors.Pending)
	wantTexts(t, s, "one")
	s.wait(11 * time.Minute)
	s.attemptAll()
	wantOutcomes(t, s, reactors.TooOld)
}

// Who speaks for a group and leaves before it is heard is still the one who
// speaks: the others are not left out.
func TestSpeakerLeaves(t *testing.T) {
	t.Parallel()
	s := newEnv(t, collapsing)
	s.action.before = unavailable
	s.join("users/1", "users/2", "users/3")
	s.wait(30 * time.Second)
	s.attemptAll()
	wantOutcomes(t, s, reactors.Pending, reactors.Collapsed, reactors.Collapsed)
	s.leave("users/1")
	s.action.before = nil
	s.wait(time.Minute)
	s.attemptAll()
	wantOutcomes(t, s, reactors.Sent, reactors.Collapsed, reactors.Collapsed)
	wantTexts(t, s, "Welcome <users/1>, <users/2> and <users/3>")
}

// If it comes to nothing for the one who speaks, it does for all; and all are
// tried again.
func TestGroupFailsAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newEnv(t, collapsing)
	s.action.before = func(context.Context, said) error { return reactors.Permanent(errors.New("no permission")) }
	s.join("users/1", "users/2", "users/3", "users/4")
	s.wait(time.Second)
	s.leave("users/4")
	s.wait(30 * time.Second)
	s.attemptAll()
	wantOutcomes(t, s, reactors.Failed, reactors.Failed, reactors.Failed, reactors.Left)
	s.action.before = nil
	for _, r := range s.runs() {
		if r.Outcome == reactors.Failed {
			if ok, err := s.store.RetryRun(t.Context(), r.ID); err != nil || !ok {
				t.Fatalf("RetryRun = %t, %v", ok, err)
			}
		}
	}
	s.attemptAll()
	wantOutcomes(t, s, reactors.Sent, reactors.Collapsed, reactors.Collapsed, reactors.Left)
	wantTexts(t, s, "Welcome <users/1>, <users/2> and <users/3>")
}

// A condition that can't be told of an event keeps no event from being
// recorded.
func TestEventOfWhichAConditionFails(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - id: answer
    mode: live
    on: message.created
    if: int(message.text) > 3
    do: [say: { text: "many" }]
`)
	s.post("users/1", events.UserHuman, "hello")
	if got := value[int](t, s.store, `SELECT count(*) FROM event_log`); got != 1 {
		t.Errorf("%d events are recorded, want 1; in quarantine: %d", got, value[int](t, s.store, `SELECT count(*) FROM quarantine`))
	}
	if _, err := s.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(1, value[int](t, s.store, `SELECT sum(count)::int FROM reactor_outcomes WHERE outcome = 'failed'`)); diff != "" {
		t.Errorf("evaluations that failed (-want +got):\n%s", diff)
	}
}
