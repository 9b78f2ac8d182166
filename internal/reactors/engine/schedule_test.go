package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
)

const weekly = `
reactors:
  - id: digest
    mode: live
    on: schedule
    cron: "0 9 * * 1"
    zone: UTC
    max_age: 10m
    do: [say: { text: "The week in {{ space.name }}" }]
`

// A time of a schedule is claimed once for each space, however many replicas
// look and how often.
func TestScheduleIsClaimedOnce(t *testing.T) {
	t.Parallel()
	s := newEnv(t, weekly)
	s.record(member("created", "spaces/A", "users/1"), member("created", "spaces/B", "users/1"))
	s.tick()
	s.setClock(start.AddDate(0, 0, 7).Add(5 * time.Second)) // a Monday, 09:00:05
	var wg sync.WaitGroup
	for range 4 {
		scheduler := engine.NewScheduler(s.ruleSet, s.store.Runs, s.store.Log, s.clock)
		wg.Go(func() {
			for range 3 {
				if err := scheduler.Tick(context.WithoutCancel(t.Context()), s.clock()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantOutcomes(t, s, reactors.Pending, reactors.Pending)
	if jobs := value[int](t, s.store, `SELECT count(*) FROM river_job`); jobs != 2 {
		t.Errorf("%d jobs, want 2", jobs)
	}
	s.attemptAll()
	s.wait(5 * time.Minute)
	s.tick()
	wantOutcomes(t, s, reactors.Sent, reactors.Sent)
	wantTexts(t, s, "The week in spaces/A", "The week in spaces/B")
	if _, err := s.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, s.store, `SELECT count(*) FROM reactor_evaluations`); n != 0 {
		t.Errorf("%d evaluations are kept of asking again, want none", n)
	}
}

// Rules that panic keep neither the worker nor the next look from going on.
func TestScheduleThatPanics(t *testing.T) {
	t.Parallel()
	s := newEnv(t, weekly)
	core, log := observer.New(zap.WarnLevel)
	ctx, cancel := context.WithCancel(t.Context())
	engine.NewScheduler(s.ruleSet, s.store.Runs, s.store.Log, func() time.Time {
		cancel() // after this look
		panic("what somebody wrote")
	}).Run(ctx, zap.New(core))
	if said := log.All(); len(said) != 1 || said[0].Message != "schedules not looked at; trying again" || strings.Contains(fmt.Sprint(said[0].ContextMap()), "wrote") {
		t.Errorf("the log says %v, want that schedules weren't looked at, and not what was written", said)
	}
}

func (s *env) tick() {
	s.t.Helper()
	if err := engine.NewScheduler(s.ruleSet, s.store.Runs, s.store.Log, s.clock).Tick(s.t.Context(), s.clock()); err != nil {
		s.t.Fatal(err)
	}
}

// A time at which no replica ran is made up for while it isn't too old.
func TestMissedSchedule(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		late time.Duration
		want int
	}{
		"before it":      {-time.Second, 0},
		"in time":        {9 * time.Minute, 1},
		"much too late":  {11 * time.Minute, 0},
		"on another day": {25 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, weekly)
			s.record(member("created", space, "users/1"))
			s.tick()
			s.setClock(start.AddDate(0, 0, 7).Add(tt.late))
			s.tick()
			if got := len(s.runs()); got != tt.want {
				t.Errorf("%d runs, want %d", got, tt.want)
			}
		})
	}
}

// A schedule goes by the clock on the wall: 09:00 in Berlin is an hour earlier
// in summer.
func TestScheduleAcrossDaylightSaving(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(weekly, "zone: UTC", "zone: Europe/Berlin", 1))
	s.record(member("created", space, "users/1"))
	s.tick()
	for i, at := range []time.Time{
		time.Date(2027, 3, 22, 8, 0, 0, 0, time.UTC),
		time.Date(2027, 3, 29, 7, 0, 0, 0, time.UTC), // clocks were put forward
		time.Date(2027, 10, 25, 7, 0, 0, 0, time.UTC),
		time.Date(2027, 11, 1, 8, 0, 0, 0, time.UTC), // and back
	} {
		s.setClock(at.Add(-time.Second))
		s.tick()
		if got := len(s.runs()); got != i {
			t.Errorf("%d runs a second before %s, want %d", got, at, i)
		}
		s.setClock(at)
		s.tick()
		if got := len(s.runs()); got != i+1 {
			t.Errorf("%d runs at %s, want %d", got, at, i+1)
		}
	}
}

// A time that was seen in shadow mode isn't made up for when the rule goes live.
func TestScheduleSeenInShadow(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(weekly, "mode: live", "mode: shadow", 1))
	s.record(member("created", space, "users/1"))
	s.tick()
	s.setClock(start.AddDate(0, 0, 7).Add(5 * time.Second))
	s.tick()
	s.attemptAll()
	s.use(weekly)
	s.wait(5 * time.Minute)
	s.tick()
	s.attemptAll()
	wantOutcomes(t, s, reactors.Shadowed)
	wantTexts(t, s)
	s.setClock(start.AddDate(0, 0, 14).Add(5 * time.Second))
	s.tick()
	s.attemptAll()
	wantOutcomes(t, s, reactors.Shadowed, reactors.Sent)
}

// What was due while there was no such rule, or no such space, isn't made up for:
// only what was due while nobody looked.
func TestScheduleBegins(t *testing.T) {
	t.Parallel()
	const often = `
reactors:
  - { id: hourly, mode: live, on: schedule, cron: "0 * * * *", zone: UTC, max_age: 1d, do: [say: { text: "{{ space.name }}" }] }
`
	s := newEnv(t, often)
	runs := func(what string, want int) {
		t.Helper()
		s.tick()
		if got := len(s.runs()); got != want {
			t.Errorf("%s: %d runs, want %d", what, got, want)
		}
	}
	s.record(member("created", space, "users/1"))
	s.wait(30 * time.Minute)
	runs("a new rule", 0)
	s.wait(3 * time.Hour)
	runs("nobody has looked for three hours", 3)
	s.use(strings.Replace(often, "hourly", "other", 1))
	s.wait(30 * time.Minute)
	runs("the rule is away", 3)
	s.wait(2*time.Hour + 10*time.Minute)
	runs("and another, that is new, looks", 5)
	s.use(often)
	runs("the rule is back", 5)
	s.record(member("created", "spaces/NEW", "users/1"))
	runs("a new space", 5)
	s.wait(time.Hour)
	runs("an hour later", 7)
}

// After a long time away there is more than fits in a transaction.
func TestScheduleMakesUpForADay(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - { id: minutely, mode: live, on: schedule, cron: "* * * * *", zone: UTC, max_age: 2d, do: [say: { text: "{{ space.name }}" }] }
`)
	s.record(member("created", "spaces/A", "users/1"), member("created", "spaces/B", "users/1"))
	s.tick()
	s.wait(47 * time.Hour)
	s.tick()
	s.tick()
	// A day's and the one that falls due now: no more than that is looked back.
	if got := value[int](t, s.store, `SELECT count(*) FROM reactor_runs`); got != 2*(24*60+1) {
		t.Errorf("%d runs, want %d", got, 2*(24*60+1))
	}
}

// Rules whose time is the same go in the file's order.
func TestSchedulesGoInOrder(t *testing.T) {
	t.Parallel()
	text := "reactors:\n"
	var want []string
	for _, id := range []string{"h", "b", "g", "d", "e", "c", "f", "a"} {
		want = append(want, id)
		text += "  - { id: " + id + ", mode: live, on: schedule, cron: \"0 * * * *\", zone: UTC, do: [say: { text: \"hello\" }] }\n"
	}
	s := newEnv(t, text)
	s.record(member("created", space, "users/1"))
	s.tick()
	s.wait(time.Hour)
	s.tick()
	var got []string
	for _, r := range s.runs() {
		got = append(got, r.Reactor)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

// interaction tells that the app was added to a space, or removed from it.
func interaction(kind string) events.Item {
	return events.Item{
		Kind: events.KindInteraction, Verb: events.VerbOther, Space: space, Actor: "users/1",
		Interaction: &events.Interaction{Type: kind, User: events.User{Name: "users/1", Type: events.UserHuman}, Space: events.Space{Name: space, SpaceType: "SPACE"}},
	}
}

// A schedule rests in a space that the app was removed from, whether the rule names it or
// not, until the app is added again.
func TestScheduleRestsWhereTheAppIsNot(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"everywhere": weekly, "named": strings.Replace(weekly, "on: schedule", "on: schedule\n    spaces: ["+space+"]", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, text)
			s.record(member("created", space, "users/1"))
			s.tick()
			for week, c := range []struct {
				happens string
				runs    int // so far
			}{
				{"ADDED_TO_SPACE", 1}, {"REMOVED_FROM_SPACE", 1}, {"MESSAGE", 1}, {"ADDED_TO_SPACE", 2},
			} {
				s.setClock(start.AddDate(0, 0, 7*week).Add(time.Hour))
				s.record(interaction(c.happens))
				s.setClock(start.AddDate(0, 0, 7*(week+1)).Add(time.Second))
				s.tick()
				if got := len(s.runs()); got != c.runs {
					t.Errorf("week %d, after %s: %d runs, want %d", week, c.happens, got, c.runs)
				}
			}
		})
	}
}
