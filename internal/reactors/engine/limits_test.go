package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

const limited = `
reactors:
  - id: answer
    mode: live
    on: message.created
    bots: true
    limit: { LIMIT }
    do: [say: { text: "Hello" }]
`

func TestLimits(t *testing.T) {
	t.Parallel()
	const sent, held = reactors.Sent, reactors.RateLimited
	for limit, want := range map[string][]reactors.Outcome{
		// of two people who write two messages each
		"per_space: 3/h":                  {sent, sent, sent, held},
		"per_member: 1/h":                 {sent, held, sent, held},
		"per_reactor: 2/h":                {sent, sent, held, held},
		"per_member: 1/h, per_space: 1/h": {sent, held, held, held},
	} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, strings.Replace(limited, "LIMIT", limit, 1))
			for _, who := range []string{"users/1", "users/1", "users/2", "users/2"} {
				s.post(who, events.UserHuman, "hello")
			}
			s.carryOn()
			wantOutcomes(t, s, want...)
			s.wait(time.Hour + time.Second) // the window has passed
			s.post("users/1", events.UserHuman, "hello again")
			s.carryOn()
			if got := s.outcomes()[4]; got != reactors.Sent {
				t.Errorf("after the window a run is %s, want sent", got)
			}
		})
	}
}

// However many replicas ask at once, no more runs pass than the limit lets; and
// a run that has passed may ask again.
func TestConcurrentRunsKeepLimits(t *testing.T) {
	t.Parallel()
	const replicas, most, n = 8, 5, 40
	s := newScene(t, strings.Replace(limited, "LIMIT", fmt.Sprintf("per_space: %d/h", most), 1))
	for i := range n {
		s.post(fmt.Sprint("users/", i), events.UserHuman, "hello")
	}
	var wg sync.WaitGroup
	runs := s.runs()
	for chunk := range slices.Chunk(runs, n/replicas) {
		d := s.newDispatcher()
		wg.Go(func() {
			for _, r := range chunk {
				if _, err := d.Attempt(context.WithoutCancel(t.Context()), r.ID); err != nil {
					t.Errorf("attempt run %d: %v", r.ID, err)
				}
			}
		})
	}
	wg.Wait()
	got := map[reactors.Outcome]int{}
	for _, o := range s.outcomes() {
		got[o]++
	}
	if got[reactors.Sent] != most || got[reactors.RateLimited] != n-most {
		t.Errorf("outcomes are %v, want %d sent and the others rate_limited", got, most)
	}
	limit := []reactors.Limit{{Per: reactors.PerSpace, Most: most, Window: time.Hour}}
	for _, r := range s.runs() {
		reached, err := s.store.Admit(t.Context(), r, limit, s.clock())
		if err != nil {
			t.Fatal(err)
		}
		if passes := reached == nil; passes != (r.Outcome == reactors.Sent) {
			t.Errorf("asking again: run %d, which is %s, passes: %t", r.ID, r.Outcome, passes)
		}
	}
}

// Row R7: what apps cause in a space is bounded whatever a rule says, over all
// rules; what people cause isn't counted.
func TestAppsAreAnsweredThreeTimes(t *testing.T) {
	t.Parallel()
	s := newScene(t, strings.Replace(limited, "    limit: { LIMIT }\n", "", 1))
	for range 4 {
		s.post("users/app", events.UserBot, "hello")
		s.post("users/1", events.UserHuman, "hello")
	}
	s.carryOn()
	wantOutcomes(t, s, reactors.Sent, reactors.Sent, reactors.Sent, reactors.Sent, reactors.Sent, reactors.Sent, reactors.Looping, reactors.Sent)
	s.wait(time.Minute + time.Second)
	s.post("users/app", events.UserBot, "hello")
	s.carryOn()
	if got := s.outcomes()[8]; got != reactors.Sent {
		t.Errorf("a minute later an app's message is %s, want sent", got)
	}
}
