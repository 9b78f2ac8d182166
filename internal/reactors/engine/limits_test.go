package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
			s := newEnv(t, strings.Replace(limited, "LIMIT", limit, 1))
			for _, who := range []string{"users/1", "users/1", "users/2", "users/2"} {
				s.post(who, events.UserHuman, "hello")
			}
			s.attemptAll()
			wantOutcomes(t, s, want...)
			s.wait(time.Hour + time.Second) // the window has passed
			s.post("users/1", events.UserHuman, "hello again")
			s.attemptAll()
			if got := s.outcomes()[4]; got != reactors.Sent {
				t.Errorf("after the window a run is %s, want sent", got)
			}
		})
	}
}

// However many replicas ask at once, no more runs pass than the limit lets; and
// a run that has passed may ask again. All are kept at the table by a lock until
// all are there.
func TestConcurrentRunsKeepLimits(t *testing.T) {
	t.Parallel()
	const n, most = 8, 3
	for _, per := range []reactors.Per{reactors.PerSpace, reactors.PerReactor, reactors.PerSpaceLoop} {
		t.Run(string(per), func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, strings.Replace(limited, "    limit: { LIMIT }\n", "", 1))
			for range n {
				s.post("users/app", events.UserBot, "hello")
				s.wait(time.Second)
			}
			limits := []reactors.Limit{{Per: per, Max: most, Window: time.Hour}}
			ctx := context.WithoutCancel(t.Context())
			lock, err := s.store.Pool().Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { lock.Rollback(ctx) })
			runs := s.runs()
			if _, err := lock.Exec(ctx, `LOCK TABLE reactor_runs IN ACCESS EXCLUSIVE MODE`); err != nil {
				t.Fatal(err)
			}
			passed := make([]bool, n)
			var wg sync.WaitGroup
			for i, r := range runs {
				wg.Go(func() {
					reached, _, err := s.store.Admit(ctx, r, limits, nil, s.clock())
					if err != nil {
						t.Errorf("admit run %d: %v", r.ID, err)
					}
					passed[i] = reached == nil
				})
			}
			s.waitForLocks(n)
			if err := lock.Rollback(ctx); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			count := 0
			for i, r := range runs {
				reached, _, err := s.store.Admit(ctx, r, limits, nil, s.clock())
				if err != nil {
					t.Fatal(err)
				}
				if again := reached == nil; again != passed[i] {
					t.Errorf("run %d passes: %t, and asking again: %t", r.ID, passed[i], again)
				}
				if passed[i] {
					count++
				}
			}
			if count != most {
				t.Errorf("%d of %d runs have passed, want %d", count, n, most)
			}
		})
	}
}

// Row R7: where we have just reacted to anybody, whatever the rule, apps get no
// answer, as they may be answering that. People always do.
func TestAppsAreAnsweredOnce(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - { id: answer, mode: live, on: message.created, bots: true, do: [say: { text: "Hello" }] }
  - { id: confirm, mode: live, on: message.created, bots: true, do: [say: { text: "Noted" }] }
`)
	say := func(who string, from events.UserType, want ...reactors.Outcome) {
		t.Helper()
		before := len(s.runs())
		s.post(who, from, "hello")
		s.attemptAll()
		if diff := cmp.Diff(want, s.outcomes()[before:]); diff != "" {
			t.Errorf("%s is answered (-want +got):\n%s", who, diff)
		}
		s.wait(40 * time.Second)
	}
	const sent, loop = reactors.Sent, reactors.Looping
	say("users/app", events.UserBot, sent, sent)
	say("users/app", events.UserBot, loop, loop)
	say("users/app", events.UserBot, sent, sent) // 80 s after the last reaction
	say("users/1", events.UserHuman, sent, sent)
	say("users/app", events.UserBot, loop, loop)
	say("users/1", events.UserHuman, sent, sent)
	s.wait(time.Minute)
	say("users/app", events.UserBot, sent, sent)
}

// An app is known for one, too, where only an earlier event has told it.
func TestAppOfUntoldType(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(limited, "LIMIT", "per_space: 9/h", 1))
	s.post("users/app", events.UserBot, "1")
	s.attemptAll()
	for range 2 {
		s.wait(time.Second)
		s.post("users/app", "", "again")
		s.attemptAll()
	}
	wantOutcomes(t, s, reactors.Sent, reactors.Looping, reactors.Looping)
}
