package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Steps keep their distance when quiet hours hold back the one before, and none is
// too old then: not all of them come on Monday morning.
func TestStepsKeepTheirDistance(t *testing.T) {
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
	first, second := s.runs()[0].Due, s.runs()[1].Due
	if first.Before(monday) || first.After(monday.Add(10*time.Minute)) {
		t.Errorf("the first step is due at %s, want within minutes of %s", first, monday)
	}
	if got, want := second.Sub(first), 24*time.Hour-time.Minute; got != want {
		t.Errorf("the second step comes %s after the first, want %s", got, want)
	}
	s.setClock(saturday.Add(24 * time.Hour)) // when the job of the second wakes
	if got, want := s.attempt(s.runs()[1].ID), second.Sub(s.clock()); got != want {
		t.Errorf("the second step comes back after %s, want %s", got, want)
	}
	s.setClock(first)
	s.attemptAll()
	wantTexts(t, s, "one")
	s.setClock(second)
	s.attemptAll() // a minute before the hours, or within them
	s.setClock(second.Add(15 * time.Minute))
	s.attemptAll()
	wantOutcomes(t, s, reactors.Sent, reactors.Sent)
	wantTexts(t, s, "one", "two")
}

// A rule that was paused for hours doesn't say everything at once when it goes on.
func TestStepsKeepTheirDistanceAfterAPause(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - id: hours
    mode: live
    on: member.joined
    sequence:
      - { after: 1h, do: [say: { text: "one" }] }
      - { after: 2h, do: [say: { text: "two" }] }
      - { after: 4h, do: [say: { text: "three" }] }
`)
	s.join("users/1")
	if err := s.store.Pause(t.Context(), "hours", ""); err != nil {
		t.Fatal(err)
	}
	s.wait(9 * time.Hour)
	s.attemptAll()
	if _, err := s.store.Resume(t.Context(), "hours"); err != nil {
		t.Fatal(err)
	}
	s.attemptAll()
	wantTexts(t, s, "one")
	var waits []time.Duration
	for _, r := range s.runs()[1:] {
		waits = append(waits, r.Due.Sub(s.clock()))
	}
	if diff := cmp.Diff([]time.Duration{time.Hour, 3 * time.Hour}, waits); diff != "" {
		t.Errorf("the steps after it come in (-want +got):\n%s", diff)
	}
}

const twoSteps = `
reactors:
  - id: first-week
    mode: live
    on: member.joined
    sequence:
STEPS`

func stepsOf(steps ...string) string {
	return strings.Replace(twoSteps, "STEPS", "      - "+strings.Join(steps, "\n      - ")+"\n", 1)
}

// A file that shifts the steps of a running sequence gives nobody a step twice and
// nobody another step than the one that was meant.
func TestStepsAreKnownWhereverTheyStand(t *testing.T) {
	t.Parallel()
	const (
		hello = `{ after: 1s, do: [say: { text: "hello" }] }`
		one   = `{ after: 1m, do: [say: { text: "one" }] }`
		two   = `{ after: 1d, do: [say: { text: "two" }] }`
		last  = `{ after: 7d, do: [say: { text: "last" }] }`
	)
	const sent, failed = reactors.Sent, reactors.Failed
	for name, tt := range map[string]struct {
		before, after []string
		again         bool // the person leaves, and joins again, under the new file
		texts         []string
		outcomes      []reactors.Outcome
	}{
		"one put in front":         {[]string{one, two}, []string{hello, one, two}, false, []string{"one", "two"}, []reactors.Outcome{sent, sent}},
		"one put in front, again":  {[]string{one, two}, []string{hello, one, two}, true, []string{"one", "hello", "two"}, []reactors.Outcome{sent, sent, sent}},
		"one put between":          {[]string{one, last}, []string{one, two, last}, false, []string{"one", "last"}, []reactors.Outcome{sent, sent}},
		"the first is taken out":   {[]string{one, two}, []string{two}, false, []string{"one", "two"}, []reactors.Outcome{sent, sent}},
		"the waiting one is gone":  {[]string{one, two, last}, []string{one, last}, false, []string{"one", "last"}, []reactors.Outcome{sent, failed, sent}},
		"a text is mended":         {[]string{one, two}, []string{one, strings.Replace(two, "two", "2", 1)}, false, []string{"one", "2"}, []reactors.Outcome{sent, sent}},
		"put off, known by its id": {[]string{one, two}, []string{one, `{ id: 1d, after: 2d, do: [say: { text: "later" }] }`}, false, []string{"one", "later"}, []reactors.Outcome{sent, sent}},
		"named, both in other order": {
			[]string{`{ id: b, after: 1m, do: [say: { text: "b" }] }`, `{ id: a, after: 1d, do: [say: { text: "a" }] }`},
			[]string{`{ id: a, after: 1m, do: [say: { text: "a" }] }`, `{ id: b, after: 1d, do: [say: { text: "b" }] }`},
			true, []string{"b", "a"}, []reactors.Outcome{sent, sent},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, stepsOf(tt.before...))
			s.join("users/1")
			s.wait(time.Minute)
			s.attemptAll()
			s.useToo(stepsOf(tt.after...))
			if tt.again {
				s.wait(time.Hour)
				s.leave("users/1")
				s.wait(time.Hour)
				s.join("users/1")
			}
			for range 10 {
				s.wait(24 * time.Hour)
				for range 3 { // a step looks again once the one before it is done
					s.attemptAll()
				}
			}
			wantTexts(t, s, tt.texts...)
			wantOutcomes(t, s, tt.outcomes...)
		})
	}
}

// Whose step is gone is told what to do, and gets it then.
func TestStepThatIsGoneComesBack(t *testing.T) {
	t.Parallel()
	const one = `{ after: 1m, do: [say: { text: "one" }] }`
	s := newEnv(t, stepsOf(one, `{ after: 1d, do: [say: { text: "two" }] }`))
	s.join("users/1")
	s.wait(time.Minute)
	s.attemptAll()
	s.useToo(stepsOf(one, `{ after: 2d, do: [say: { text: "two" }] }`))
	s.wait(24 * time.Hour)
	s.attemptAll()
	wantOutcomes(t, s, reactors.Sent, reactors.Failed)
	if got, want := s.runs()[1].Reason, `the rule has no step "1d" any more: if another took its place, give that the id "1d" and try again`; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
	s.useToo(stepsOf(one, `{ id: 1d, after: 2d, do: [say: { text: "two" }] }`))
	if ok, err := s.store.RetryRun(t.Context(), s.runs()[1].ID); !ok || err != nil {
		t.Fatalf("RetryRun = %v, %v", ok, err)
	}
	s.attemptAll()
	wantTexts(t, s, "one", "two")
}
