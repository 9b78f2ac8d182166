package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// A rule that is taken away, switched off or put into shadow mode while a run
// waits ends it, whether it was about to be decided or only sent again.
func TestRuleIsGoneMeanwhile(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"removed": "reactors: []\n",
		"off":     strings.Replace(waiting, "mode: live", "mode: off", 1),
		"shadow":  strings.Replace(waiting, "mode: live", "mode: shadow", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, waiting)
			s.action.before = unavailable
			s.join("users/1")
			s.wait(time.Hour)
			s.attemptAll()
			s.join("users/2")
			s.wait(3 * time.Minute)
			s.action.before = nil
			s.use(text)
			s.attemptAll()
			wantOutcomes(t, s, reactors.Cancelled, reactors.Cancelled)
			wantTexts(t, s)
		})
	}
}

// A rule that goes live doesn't act for what it has seen in shadow mode.
func TestShadowStaysShadow(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(waiting, "mode: live", "mode: shadow", 1))
	s.join("users/1")
	s.wait(30 * time.Minute)
	s.use(waiting)
	s.wait(30 * time.Minute)
	s.attemptAll()
	wantOutcomes(t, s, reactors.Shadowed)
	wantTexts(t, s)
	if r := s.runs()[0].Requests; len(r) != 1 || r[0].Done {
		t.Errorf("a shadow run has the requests %+v, want the one that isn't done", r)
	}
}

// A space that a rule is kept out of while a run waits there gets nothing.
func TestSpaceIsExceptedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, spaces := range map[string]string{"except": "spaces: { except: [spaces/S] }", "others": "spaces: [spaces/OTHER]"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, waiting)
			s.join("users/1")
			s.wait(time.Hour)
			s.use(strings.Replace(waiting, "mode: live", "mode: live\n    "+spaces, 1))
			s.attemptAll()
			wantOutcomes(t, s, reactors.Cancelled)
			wantTexts(t, s)
		})
	}
}

// Replicas take up new rules one after the other: one that has the old ones
// leaves a young run to those that have planned it.
func TestReplicaWithOlderRules(t *testing.T) {
	t.Parallel()
	for name, older := range map[string]string{"without the rule": "reactors: []\n", "in shadow": strings.Replace(plain, "mode: live", "mode: shadow", 1)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, plain)
			s.join("users/1", "users/2")
			newer := s.Dispatcher
			s.use(older)
			s.wait(time.Second)
			for _, wait := range s.attemptAll() {
				if wait <= 0 {
					t.Error("the replica with older rules doesn't leave the run to others")
				}
			}
			if _, err := newer.Attempt(t.Context(), s.runs()[0].ID); err != nil {
				t.Fatal(err)
			}
			s.wait(5 * time.Minute) // by now all have the same
			s.attemptAll()
			wantOutcomes(t, s, reactors.Sent, reactors.Cancelled)
		})
	}
}
