package runs_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// once greets the newest of those who join a space, once.
type once struct{ storetest.Greeter }

func (o once) Plan(c reactors.Change) reactors.Plan {
	p := o.Greeter.Plan(c)
	for i := range p.Intents {
		p.Intents[i].Subject = p.Intents[i].Space
	}
	return p
}

// A run that waits is about the newest event as a whole, whoever it is of; its
// turn comes no earlier than it did. One that has requests stays as they say.
func TestWaitingRunIsAboutTheNewestEvent(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock, Planner: once{}})
	joins := func(id, user string, seconds int) {
		record(t, s, live(id, at(seconds), membership(events.VerbCreated, space, user, events.MembershipJoined)))
	}
	type about struct {
		Member, FactsMember string
		Due                 time.Time
	}
	check := func(when string, want about) {
		t.Helper()
		run := theRun(t, s)
		if diff := cmp.Diff(want, about{run.Member, run.Facts.Member.Name, run.Due}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	joins("1", ann, 1)
	check("first", about{ann, ann, at(1)})
	if err := s.PostponeRun(t.Context(), theRun(t, s), at(100)); err != nil {
		t.Fatal(err)
	}
	joins("2", "users/bob", 2)
	check("postponed, and asked for again", about{"users/bob", "users/bob", at(100)})
	joins("3", "users/eve", 200)
	check("asked for later than it was postponed to", about{"users/eve", "users/eve", at(200)})
	if err := s.PrepareRun(t.Context(), theRun(t, s), runs.Prepared{Requests: []reactors.Request{{Action: "send"}}}); err != nil {
		t.Fatal(err)
	}
	joins("4", "users/joe", 300)
	check("prepared, and asked for again", about{"users/eve", "users/eve", at(300)})
}
