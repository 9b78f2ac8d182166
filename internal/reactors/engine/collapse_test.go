package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

const collapsing = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    collapse:
      window: 30s
      over: 2
      do: [say: { text: "Welcome {{ group.mentions }}" }]
    do: [say: { text: "Welcome, {{ member.mention }}!" }]
`

func (s *env) count() map[reactors.Outcome]int {
	s.t.Helper()
	got := map[reactors.Outcome]int{}
	for _, o := range s.outcomes() {
		got[o]++
	}
	return got
}

func TestCollapse(t *testing.T) {
	t.Parallel()
	t.Run("few are greeted one by one", func(t *testing.T) {
		t.Parallel()
		s := newEnv(t, collapsing)
		s.join("users/1", "users/2")
		if diff := cmp.Diff([]time.Duration{30 * time.Second, 30 * time.Second}, s.attemptAll()); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
		s.wait(30 * time.Second)
		s.attemptAll()
		wantTexts(t, s, "Welcome, <users/1>!", "Welcome, <users/2>!")
	})
	t.Run("many at once, but those who have left", func(t *testing.T) {
		t.Parallel()
		s := newEnv(t, collapsing)
		s.join("users/1", "users/2", "users/3")
		s.wait(20 * time.Second)
		s.join("users/4", "users/5") // within the window
		s.leave("users/2")
		s.wait(10 * time.Second)
		s.attemptAll()
		s.wait(20 * time.Second)
		s.attemptAll()
		wantTexts(t, s, "Welcome <users/1>, <users/3> and 2 others")
		wantOutcomes(t, s, reactors.Sent, reactors.Left, reactors.Collapsed, reactors.Collapsed, reactors.Collapsed)
	})
}

// Whichever run of a group is looked at first, the oldest one speaks, so that a
// limit counts one run and leaves nobody out. If it can't, another does in the
// end.
func TestYoungerRunsYield(t *testing.T) {
	t.Parallel()
	s := newEnv(t, collapsing+"    limit: { per_space: 1/h }\n")
	s.join("users/1", "users/2", "users/3")
	s.wait(30 * time.Second)
	claimed := s.runs()
	for range 10 {
		if wait := s.attempt(claimed[2].ID); wait != 500*time.Millisecond {
			t.Fatalf("the youngest run waits %s, want half a second", wait)
		}
	}
	s.attempt(claimed[0].ID)
	wantOutcomes(t, s, reactors.Sent, reactors.Collapsed, reactors.Collapsed)

	s.wait(2 * time.Hour)
	s.join("users/4", "users/5", "users/6")
	s.wait(30 * time.Second)
	for range 20 { // ten for each older one: one after the other they would stop to yield
		s.attempt(s.runs()[5].ID)
	}
	wantOutcomes(t, s, reactors.Sent, reactors.Collapsed, reactors.Collapsed, reactors.Pending, reactors.Pending, reactors.Pending)
	s.attempt(s.runs()[5].ID)
	wantOutcomes(t, s, reactors.Sent, reactors.Collapsed, reactors.Collapsed, reactors.Collapsed, reactors.Collapsed, reactors.Sent)
}

// Many replicas come to the runs of a group at once: one speaks for all, and
// nobody is left out or spoken for twice. That is so, too, if the runs have
// waited for the oldest one for long enough and none yields any more.
func TestCollapseOnce(t *testing.T) {
	t.Parallel()
	const n, replicas = 40, 8
	for name, attempts := range map[string]int{"the others yield": 0, "none yields": 10 * n} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, collapsing)
			var users []string
			for i := range n {
				users = append(users, fmt.Sprint("users/", i))
			}
			s.join(users...)
			s.wait(30 * time.Second)
			if _, err := s.store.Pool().Exec(t.Context(), `UPDATE reactor_runs SET attempts = $1`, attempts); err != nil {
				t.Fatal(err)
			}
			claimed := s.runs()
			var wg sync.WaitGroup
			for i := range replicas {
				d := s.newDispatcher()
				wg.Go(func() {
					for j := i; j < n; j += replicas {
						if _, err := d.Attempt(context.WithoutCancel(t.Context()), claimed[j].ID); err != nil && !errors.Is(err, runs.ErrRunChanged) {
							t.Errorf("attempt run %d: %v", claimed[j].ID, err)
						}
					}
				})
			}
			wg.Wait()
			s.attemptAll() // those that waited, or found a run changed, as River would
			if diff := cmp.Diff(map[reactors.Outcome]int{reactors.Sent: 1, reactors.Collapsed: n - 1}, s.count()); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if got := s.action.texts(); len(got) != 1 {
				t.Errorf("%d messages were sent, want 1", len(got))
			}
		})
	}
}

// One of those who are to be spoken for goes another way in the last moment:
// then nothing of the collapse has happened.
func TestCollapseIsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := newEnv(t, collapsing)
	s.join("users/1", "users/2", "users/3", "users/4")
	s.wait(30 * time.Second)
	claimed := s.runs()
	speaker, _, err := s.store.BeginAttempt(t.Context(), claimed[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	others, err := s.store.Gather(t.Context(), speaker, speaker.EventTime.Add(30*time.Second), s.clock())
	if err != nil {
		t.Fatal(err)
	}
	var speaksFor []int64
	for _, o := range others {
		speaksFor = append(speaksFor, o.ID)
	}
	if diff := cmp.Diff([]int64{claimed[1].ID, claimed[2].ID, claimed[3].ID}, speaksFor); diff != "" {
		t.Fatalf("gathered (-want +got):\n%s", diff)
	}
	if err := s.store.FinishRun(t.Context(), claimed[3], reactors.Sent, ""); err != nil {
		t.Fatal(err)
	}
	err = s.store.PrepareRun(t.Context(), speaker, runs.Prepared{
		Requests: []reactors.Request{{Action: "say", Label: "x", Body: []byte(`{}`)}}, Collapses: speaksFor,
	})
	if !errors.Is(err, runs.ErrRunChanged) {
		t.Errorf("PrepareRun = %v, want ErrRunChanged", err)
	}
	wantOutcomes(t, s, reactors.Pending, reactors.Pending, reactors.Pending, reactors.Sent)
	if again := s.runs()[0]; again.Requests != nil {
		t.Error("the request of the collapse is stored all the same")
	}
	s.attemptAll()
	wantOutcomes(t, s, reactors.Sent, reactors.Collapsed, reactors.Collapsed, reactors.Sent)
}

// Two runs of a group that want to speak for each other at the same moment
// don't deadlock: one speaks, and the other has to look again.
func TestTwoSpeakersMeet(t *testing.T) {
	t.Parallel()
	s := newEnv(t, collapsing)
	s.join("users/1", "users/2", "users/3")
	claimed := s.runs()
	lock, err := s.store.Pool().BeginTx(t.Context(), pgx.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Rollback(context.Background()) })
	if _, err := lock.Exec(t.Context(), `SELECT id FROM reactor_runs WHERE id = $1 FOR UPDATE`, claimed[0].ID); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	for i, other := range map[int]int{1: 2, 2: 1} {
		speaker, _, err := s.store.BeginAttempt(t.Context(), claimed[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			done <- s.store.PrepareRun(context.WithoutCancel(t.Context()), speaker, runs.Prepared{
				Requests:  []reactors.Request{{Action: "say", Label: "x", Body: []byte(`{}`)}},
				Collapses: []int64{claimed[0].ID, claimed[other].ID},
			})
		}()
	}
	s.waitForLocks(2)
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	spoke := 0
	for range 2 {
		switch err := <-done; {
		case err == nil:
			spoke++
		case !errors.Is(err, runs.ErrRunChanged):
			t.Error(err)
		}
	}
	if spoke != 1 {
		t.Errorf("%d of two have spoken, want 1", spoke)
	}
}
