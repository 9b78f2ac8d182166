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
	for _, per := range []reactors.Per{reactors.PerSpace, reactors.PerReactor, reactors.PerApp} {
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

// Row R7: where we have acted within the hour, whatever the rule, apps get no
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
		s.wait(40 * time.Minute)
	}
	const sent, loop = reactors.Sent, reactors.Looping
	say("users/app", events.UserBot, sent, sent)
	say("users/app", events.UserBot, loop, loop)
	say("users/other-app", events.UserBot, sent, sent)
	say("users/app", events.UserBot, sent, sent) // 120 minutes after it was answered
	say("users/1", events.UserHuman, sent, sent)
	say("users/app", events.UserBot, loop, loop)
	say("users/1", events.UserHuman, sent, sent)
	s.wait(time.Hour)
	say("users/app", events.UserBot, sent, sent)
}

// Row R7: an app that answers whatever we say falls silent after one answer of ours,
// however long both take.
func TestAppsFallSilent(t *testing.T) {
	t.Parallel()
	for _, wait := range []string{"0s", "90s", "10m", "3h"} {
		t.Run(wait, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, `
reactors:
  - { id: answer, mode: live, on: message.created, bots: true, wait: `+wait+`, do: [say: { text: "Hello" }] }
`)
			d, err := time.ParseDuration(wait)
			if err != nil {
				t.Fatal(err)
			}
			s.post("users/app", events.UserBot, "hello")
			for heard := 0; heard < 10; {
				s.wait(d)
				s.attemptAll()
				said := len(s.action.texts())
				if said == heard {
					break
				}
				heard = said
				s.wait(min(d, 50*time.Minute) + time.Second)
				s.post("users/app", events.UserBot, "hello yourself")
			}
			if got := len(s.action.texts()); got != 1 {
				t.Errorf("the app is answered %d times, want once", got)
			}
			wantOutcomes(t, s, reactors.Sent, reactors.Looping)
		})
	}
}

// What an app says may be told in another space, again and again: nobody answers it
// there. If somebody does, it ends sometime; and a rule may say when.
func TestAlertsAreForwarded(t *testing.T) {
	t.Parallel()
	const forward = `
reactors:
  - { id: forward, mode: live, on: message.created, bots: true, LIMIT do: [say: { to: spaces/ONCALL, text: "{{ message.text }}" }] }
`
	for limit, c := range map[string]struct{ alerts, passed int }{
		"":                             {5, 5},
		"limit: { per_app: 3/h },":     {5, 3},
		"limit: { per_space: 100/h },": {65, 60},
		"limit: { per_app: 100/h },":   {65, 65},
	} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, strings.Replace(forward, "LIMIT", limit, 1))
			for range c.alerts {
				s.post("users/alerts", events.UserBot, "it burns")
				s.attemptAll()
				s.wait(10 * time.Second)
			}
			outcomes := map[reactors.Outcome]int{}
			for _, o := range s.outcomes() {
				outcomes[o]++
			}
			if got := outcomes[reactors.Sent]; got != c.passed || got+outcomes[reactors.Looping] != c.alerts {
				t.Errorf("of %d alerts: %v, want %d forwarded and the rest held back", c.alerts, outcomes, c.passed)
			}
		})
	}
}

// How often an app is answered where it may answer, too, is the rule's to say.
func TestAnswersToAppsAreTheRulesToLimit(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(limited, "LIMIT", "per_app: 3/10m", 1))
	for range 5 {
		s.post("users/alerts", events.UserBot, "it burns")
		s.attemptAll()
		s.wait(10 * time.Second)
	}
	const sent, loop = reactors.Sent, reactors.Looping
	wantOutcomes(t, s, sent, sent, sent, loop, loop)
	if reason := s.runs()[4].Reason; !strings.Contains(reason, space) || !strings.Contains(reason, "per_app: 3/10m") {
		t.Errorf("the reason %q doesn't name the space and the limit", reason)
	}
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
