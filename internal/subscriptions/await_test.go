package subscriptions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// A pass doesn't wait for one operation longer than it may, and a later one
// finds what has come of it.
func TestOperationThatTakesTooLong(t *testing.T) {
	t.Parallel()
	s := newEnv(t, simulate.Options{Spaces: 1, OperationDelay: 10 * time.Minute})
	k := s.keeper(t, 0)
	began, space := s.clock.Now(), s.list[0].Scope
	if r := pass(t, k); r.Failed != 1 {
		t.Errorf("got %d failures, want that of the operation", r.Failed)
	}
	if took := s.clock.Now().Sub(began); took < 2*time.Minute || took > 3*time.Minute {
		t.Errorf("the pass took %s, want little more than the two minutes that an operation may take", took)
	}
	if got := s.memory.state(space); !strings.Contains(got.Error, "it may still do so") || got.Parked {
		t.Errorf("got %+v, want that the operation isn't done and nobody is bothered", got)
	}
	s.clock.Advance(10 * time.Minute)
	pass(t, k)
	if got := s.memory.state(space); got.State != "ACTIVE" || got.Error != "" {
		t.Errorf("got %+v, want what the operation made", got)
	}
	if n := s.EventsAPICalls()["subscriptions.create"]; n != 1 {
		t.Errorf("it was created %d times, want once", n)
	}
}

// Google says that there is one already while somebody's creation is under way,
// and shows it only when it is done: it is awaited and adopted.
func TestAPendingCreationIsAdopted(t *testing.T) {
	t.Parallel()
	for name, delay := range map[string]time.Duration{"soon": 20 * time.Second, "late": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, simulate.Options{Spaces: 1, OperationDelay: delay})
			lost := false
			s.SetEventsFaults(func(c simulate.EventsCall) (f simulate.EventsFault) {
				f.DropReply = c.Method == "subscriptions.create" && !lost
				lost = lost || f.DropReply
				return f
			})
			k := s.keeper(t, 0)
			pass(t, k)
			got := s.memory.state(s.list[0].Scope)
			if delay < time.Minute {
				if got.State != "ACTIVE" || got.Error != "" {
					t.Errorf("got %+v, want it adopted", got)
				}
				return
			}
			if !strings.Contains(got.Error, "may still be creating it") || got.Parked {
				t.Errorf("got %+v, want the likely cause, and nobody bothered", got)
			}
			s.clock.Advance(delay)
			pass(t, k)
			if got := s.memory.state(s.list[0].Scope); got.State != "ACTIVE" || got.Error != "" {
				t.Errorf("got %+v, want it adopted", got)
			}
		})
	}
}
