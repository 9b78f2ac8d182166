package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

const atMost = `
reactors:
  - id: answer
    mode: live
    on: message.created
    limit: { LIMIT }
    do: [say: { text: "{{ message.text }}" }]
`

// What a limit keeps back comes later, in order, and nothing is lost or sent
// before its time.
func TestLimitElseLater(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(atMost, "LIMIT", "per_space: 3/h, else: later", 1))
	var want []string
	for i := range 8 {
		s.post("users/1", events.UserHuman, fmt.Sprint("m", i))
		s.attemptAll()
		s.wait(time.Minute)
		want = append(want, fmt.Sprint("m", i))
	}
	wantTexts(t, s, want[:3]...)
	var due []time.Duration
	for _, r := range s.runs() {
		due = append(due, r.Due.Sub(start))
	}
	minutes := func(list ...int) (all []time.Duration) {
		for _, m := range list {
			all = append(all, time.Duration(m)*time.Minute)
		}
		return all
	}
	if diff := cmp.Diff(minutes(0, 1, 2, 60, 61, 62, 120, 121), due); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	s.attemptAll() // a job that comes too early changes nothing
	wantTexts(t, s, want[:3]...)
	for _, c := range []struct{ minute, sent int }{{59, 3}, {60, 4}, {62, 6}, {119, 6}, {130, 8}} {
		s.setClock(start.Add(time.Duration(c.minute) * time.Minute))
		s.Dispatcher = s.newDispatcher()
		s.attemptAll()
		wantTexts(t, s, want[:c.sent]...)
	}
}

// A pause doesn't let those that waited go at once afterwards.
func TestLimitElseLaterAfterAPause(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(atMost, "LIMIT", "per_space: 3/h, else: later", 1)+"    max_age: 1d\n")
	for i := range 12 {
		s.post("users/1", events.UserHuman, fmt.Sprint("m", i))
	}
	s.attemptAll()
	if err := s.store.Pause(t.Context(), "answer", ""); err != nil {
		t.Fatal(err)
	}
	s.wait(150 * time.Minute)
	s.attemptAll()
	if _, err := s.store.Resume(t.Context(), "answer"); err != nil {
		t.Fatal(err)
	}
	sent := map[int]int{} // by minute
	for range 12 {
		before := len(s.action.texts())
		waits := s.attemptAll()
		if n := len(s.action.texts()) - before; n > 0 {
			sent[int(s.clock().Sub(start).Minutes())] = n
		}
		if waits = slices.DeleteFunc(waits, func(d time.Duration) bool { return d == 0 }); len(waits) > 0 {
			s.wait(slices.Min(waits))
		}
	}
	if diff := cmp.Diff(map[int]int{180: 3, 240: 3, 300: 3}, sent); diff != "" {
		t.Errorf("sent after the pause, by minute (-want +got):\n%s", diff)
	}
}

// However many replicas ask at once, each run gets a time of its own.
func TestConcurrentRunsGetTheirTimes(t *testing.T) {
	t.Parallel()
	const n = 8
	s := newEnv(t, strings.Replace(atMost, "LIMIT", "per_space: 3/h, else: later", 1))
	for i := range n {
		s.post("users/1", events.UserHuman, fmt.Sprint("m", i))
	}
	var wg sync.WaitGroup
	for _, r := range s.runs() {
		d := s.newDispatcher()
		wg.Go(func() {
			if _, err := d.Attempt(context.WithoutCancel(t.Context()), r.ID); err != nil {
				t.Errorf("attempt run %d: %v", r.ID, err)
			}
		})
	}
	wg.Wait()
	due := map[time.Duration]int{}
	for _, r := range s.runs() {
		due[r.Due.Sub(start)]++
	}
	if diff := cmp.Diff(map[time.Duration]int{0: 3, time.Hour: 3, 2 * time.Hour: 2}, due); diff != "" {
		t.Errorf("runs by due time (-want +got):\n%s", diff)
	}
	if got := len(s.action.texts()); got != 3 {
		t.Errorf("%d messages were sent, want 3", got)
	}
}

// Two events at once that begin anew begin once.
func TestConcurrentRounds(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - { id: answer, mode: live, on: message.created, once_per: { keys: [member], for: 90d }, do: [say: { text: "Hello" }] }
`)
	s.post("users/1", events.UserHuman, "first")
	s.attemptAll()
	s.wait(91 * 24 * time.Hour)
	var wg sync.WaitGroup
	for i := range 6 {
		name := fmt.Sprintf("%s/messages/again%d", space, i)
		d := delivery(100+i, s.clock(), events.Item{
			Kind: events.KindMessage, Verb: events.VerbCreated, Resource: name, Space: space, Actor: "users/1",
			Message: &events.Message{Name: name, Sender: events.User{Name: "users/1", Type: events.UserHuman}, CreateTime: s.clock(), Text: "again", Thread: space + "/threads/t"},
		})
		wg.Go(func() {
			if _, err := s.store.Record(context.WithoutCancel(t.Context()), []events.Delivery{d}); err != nil {
				t.Errorf("record: %v", err)
			}
		})
	}
	wg.Wait()
	s.attemptAll()
	wantTexts(t, s, "Hello", "Hello")
	wantOutcomes(t, s, reactors.Sent, reactors.Sent)
}

// All limits hold at once; who waits for one of them keeps nobody behind whom the
// others let through; a time outside of quiet hours isn't one.
func TestLaterLimitsTogether(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(atMost, "LIMIT", "per_member: 1/d, per_reactor: 2/h, else: later", 1)+
		`    quiet_hours: { zone: UTC, allow: "daily 09:00-17:00" }
`)
	write := func(who ...string) {
		for _, user := range who {
			s.post(user, events.UserHuman, user)
			s.attemptAll()
			s.wait(time.Second)
		}
	}
	write("users/1", "users/1", "users/2", "users/3")
	s.setClock(start.Add(7*time.Hour + 30*time.Minute)) // half an hour before they end
	write("users/4", "users/5", "users/6", "users/7")
	var due []time.Duration
	for _, r := range s.runs() {
		due = append(due, r.Due.Sub(start))
	}
	const last = 7*time.Hour + 30*time.Minute
	want := []time.Duration{
		0, 24 * time.Hour, 2 * time.Second, time.Hour,
		last, last + time.Second, 24 * time.Hour, 25 * time.Hour, // two of an hour, the first of users/1
	}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
}

const again = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    once_per: { keys: [space, member], for: 90d }
    sequence:
      - { after: 1m, do: [say: { text: "welcome" }] }
      - { after: 1d, do: [say: { text: "tip" }] }
`

// Who was greeted is greeted again once the time is over, by messages of their
// own, and not before.
func TestOncePerForATime(t *testing.T) {
	t.Parallel()
	s := newEnv(t, again)
	rejoin := func(at time.Duration) {
		t.Helper()
		s.setClock(start.Add(at))
		s.leave("users/1")
		s.wait(time.Second)
		s.join("users/1")
		for range 2 {
			s.wait(time.Minute)
			s.attemptAll()
		}
		s.wait(24 * time.Hour)
		s.attemptAll()
	}
	const day = 24 * time.Hour
	s.join("users/1")
	rejoin(2 * time.Minute) // the first is sent, or due; the tip comes
	wantTexts(t, s, "welcome", "tip")
	rejoin(80 * day)
	wantTexts(t, s, "welcome", "tip")
	rejoin(91 * day)
	wantTexts(t, s, "welcome", "tip", "welcome", "tip")
	rejoin(100 * day)
	wantTexts(t, s, "welcome", "tip", "welcome", "tip")
	rejoin(190 * day)
	wantTexts(t, s, "welcome", "tip", "welcome", "tip", "welcome", "tip")
	subjects := map[string]int{}
	for _, r := range s.runs() {
		subjects[r.Subject]++
	}
	if diff := cmp.Diff(map[string]int{"spaces/S users/1": 2, "spaces/S users/1 #2": 2, "spaces/S users/1 #3": 2}, subjects); diff != "" {
		t.Errorf("runs by subject (-want +got):\n%s", diff)
	}
}

const firstMessage = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    wait: 1d
    until: member.messages_in_space > 0
    do: [say: { text: "Welcome, {{ member.mention }}!" }]
`

// jobsNow counts the jobs that wake a run without waiting.
func jobsNow(t *testing.T, s *env, run int64) int {
	t.Helper()
	return value[int](t, s.store, `SELECT count(*) FROM river_job WHERE state = 'available' AND args->>'run_id' = $1::text`, fmt.Sprint(run))
}

// A rule with until acts once it holds, or at the end of its wait.
func TestUntil(t *testing.T) {
	t.Parallel()
	s := newEnv(t, firstMessage)
	s.join("users/1", "users/2")
	first := s.runs()[0].ID
	if got := jobsNow(t, s, first); got != 1 {
		t.Errorf("%d jobs look at once, want 1: it may hold already", got)
	}
	if diff := cmp.Diff([]time.Duration{24 * time.Hour, 24 * time.Hour}, s.attemptAll()); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	s.wait(time.Hour)
	s.post("users/3", events.UserHuman, "hello")
	if got := jobsNow(t, s, first); got != 1 {
		t.Errorf("what others write makes %d jobs look, want the 1 of before", got)
	}
	s.post("users/1", events.UserHuman, "hello")
	if got := jobsNow(t, s, first); got != 2 {
		t.Errorf("%d jobs look after the person's message, want one more", got)
	}
	s.attemptAll()
	wantTexts(t, s, "Welcome, <users/1>!")
	if due := s.runs()[0].Due; !due.Equal(s.clock()) {
		t.Errorf("its turn came at %s, want now: its age counts from then", due)
	}
	s.setClock(start.Add(24 * time.Hour))
	s.attemptAll()
	wantTexts(t, s, "Welcome, <users/1>!", "Welcome, <users/2>!")
	wantOutcomes(t, s, reactors.Sent, reactors.Sent)
}

// A run that waits becomes one about a newer event: until may hold for that
// already, and then nothing else lets it look.
func TestUntilHoldsForANewerEvent(t *testing.T) {
	t.Parallel()
	s := newEnv(t, firstMessage+"    once_per: [space]\n")
	s.join("users/1")
	s.post("users/2", events.UserHuman, "hello")
	s.attemptAll()
	s.wait(time.Hour)
	s.join("users/2")
	if got := jobsNow(t, s, s.runs()[0].ID); got != 2 {
		t.Errorf("%d jobs look, want 1 for each who joined", got)
	}
	s.attemptAll()
	wantTexts(t, s, "Welcome, <users/2>!")
}

// Until waits for quiet hours as all else does, though its wait ends later.
func TestUntilInQuietHours(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(firstMessage, "wait: 1d", "wait: 5d", 1)+`    quiet_hours: { zone: UTC, allow: "daily 09:00-17:00" }
`)
	s.join("users/1")
	s.wait(10 * time.Hour)
	s.post("users/1", events.UserHuman, "hello")
	s.attemptAll()
	wantTexts(t, s)
	opens := start.Add(24 * time.Hour)
	if due := s.runs()[0].Due; due.Before(opens) || due.After(opens.Add(10*time.Minute)) {
		t.Errorf("its turn comes at %s, want within minutes of %s", due, opens)
	}
	s.setClock(opens.Add(10 * time.Minute))
	s.attemptAll()
	wantTexts(t, s, "Welcome, <users/1>!")
}

// A wait counts working time over a weekend.
func TestWorkingTime(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - id: remind
    mode: live
    on: message.created
    wait: { working: 4h, hours: "Mon-Fri 09:00-17:00", zone: UTC }
    still: message.replies_by_others == 0
    do: [say: { text: "Can anybody help?" }]
`)
	s.setClock(start.Add(4*24*time.Hour + 6*time.Hour)) // Friday, 15:00
	s.post("users/1", events.UserHuman, "Where is it?")
	if got, want := s.runs()[0].Due, start.Add(7*24*time.Hour+2*time.Hour); !got.Equal(want) {
		t.Errorf("its turn comes at %s, want %s", got, want)
	}
	s.setClock(s.runs()[0].Due)
	s.attemptAll()
	wantTexts(t, s, "Can anybody help?")
}
