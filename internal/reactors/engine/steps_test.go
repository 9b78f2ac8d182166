package engine_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// A step that falls due while quiet hours hold back the one before it waits for
// the same morning, without looking every other second, and isn't too old then.
func TestStepWaitsForTheTurnOfTheOneBefore(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - id: first-week
    mode: live
    on: member.joined
    max_age: 10m
    quiet_hours: { zone: UTC, allow: "Mon-Fri 08:00-18:00" }
    sequence:
      - { after: 1m, do: [say: { text: "one" }] }
      - { after: 1d, do: [say: { text: "two" }] }
`)
	saturday, monday := start.Add(5*24*time.Hour), start.Add(7*24*time.Hour-time.Hour)
	s.setClock(saturday)
	s.join("users/1")
	s.wait(time.Minute)
	s.attemptAll()
	s.setClock(saturday.Add(24 * time.Hour))
	if got, want := s.attempt(s.runs()[1].ID), monday.Sub(s.clock()); got != want {
		t.Errorf("the second step comes back after %s, want %s", got, want)
	}
	s.setClock(monday)
	s.attemptAll()
	wantOutcomes(t, s, reactors.Sent, reactors.Sent)
	wantTexts(t, s, "one", "two")
}
