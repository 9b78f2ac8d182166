package simulate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

func ids(messages []*pubsubpb.PubsubMessage) []string {
	var list []string
	for _, m := range messages {
		list = append(list, m.Attributes["ce-id"])
	}
	return list
}

// postMany posts n messages and returns the ids of their events in order.
func (v *world) postMany(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if _, err := v.Post(v.space, v.people[0], fmt.Sprint("message ", i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	v.SetFaults(Faults{Duplicate: 0.5})
	v.postMany(t, 100)
	counts := map[string]int{}
	for _, id := range ids(v.pubsub.take()) {
		counts[id]++
	}
	doubled := 0
	for _, e := range v.Truth().Events {
		if counts[e.ID] != e.Copies {
			t.Errorf("%s: got %d copies, the truth says %d", e.ID, counts[e.ID], e.Copies)
		}
		if e.Copies == 2 {
			doubled++
		}
	}
	if len(counts) != 100 || doubled < 30 || doubled > 70 {
		t.Errorf("got %d events of which %d are doubled, want 100 and about half", len(counts), doubled)
	}
}

func TestReordering(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	v.SetFaults(Faults{Reorder: 0.3})
	v.postMany(t, 100)
	v.Flush()
	if held := v.Counts().Held; held != 0 {
		t.Errorf("%d are still held back after the flush", held)
	}
	got := v.pubsub.take()
	inversions, seen := 0, map[string]bool{}
	for i, m := range got {
		seen[m.Attributes["ce-id"]] = true
		if i > 0 && m.Attributes["ce-time"] < got[i-1].Attributes["ce-time"] {
			inversions++
		}
	}
	if len(got) != 100 || len(seen) != 100 || inversions < 10 {
		t.Errorf("got %d messages of %d events with %d inversions, want 100, 100 and many", len(got), len(seen), inversions)
	}
	for i, e := range v.Truth().Events {
		if e.ID != got[i].Attributes["ce-id"] {
			t.Fatalf("the truth's event %d isn't the one published", i)
		}
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	v.SetFaults(Faults{Delay: 1, DelayBy: time.Millisecond})
	v.postMany(t, 3)
	for range 3 {
		<-v.pubsub.arrived
	}
	v.SetFaults(Faults{Delay: 1, DelayBy: time.Hour})
	v.postMany(t, 3)
	if got := v.Counts(); got.Events != 3 || got.Held != 3 {
		t.Errorf("got %+v, want 3 published and 3 held", got)
	}
	v.Flush()
	if got := v.Counts(); got.Events != 6 || got.Held != 0 {
		t.Errorf("got %+v, want 6 published and none held", got)
	}
	v.postMany(t, 3) // held when the Workspace is closed: goleak sees timers that run on
}

// What DropNext loses is in the truth, so that a check can miss it.
func TestDropNext(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	v.DropNext(1)
	v.postMany(t, 2)
	if got := v.Truth().Events; len(v.pubsub.take()) != 1 || len(got) != 2 || got[0].Copies != 0 || got[1].Copies != 1 {
		t.Errorf("got truth %+v", got)
	}
}

// The worker's own decoder must refuse each kind, except for the one that is
// the store's to refuse.
func TestGarbageIsGarbage(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	for _, kind := range GarbageKinds() {
		check(t, v.PublishGarbage(kind, topic))
		m := v.pubsub.take()[0]
		_, malformed := events.Decode(m.Attributes, m.Data)
		if refused := malformed != nil; refused == (kind == GarbageAbsurdTime) {
			t.Errorf("%s: got %v", kind, malformed)
		}
	}
	if n := v.Counts().Garbage; n != len(GarbageKinds()) {
		t.Errorf("got %d in the truth, want %d", n, len(GarbageKinds()))
	}
}

func TestGarbageBetweenEvents(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	v.SetFaults(Faults{Garbage: 0.5})
	v.postMany(t, 200)
	l := v.Truth()
	if n := len(v.pubsub.take()); n != len(l.Events)+len(l.Garbage) || len(l.Events) != 200 || len(l.Garbage) < 60 {
		t.Errorf("got %d messages, %d events and %d garbage", n, len(l.Events), len(l.Garbage))
	}
	kinds := map[GarbageKind]bool{}
	for _, g := range l.Garbage {
		kinds[g.Kind] = true
	}
	if len(kinds) != len(GarbageKinds()) {
		t.Errorf("got %d kinds, want all %d in turn", len(kinds), len(GarbageKinds()))
	}
}

func TestOversized(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	const size = 9_900_000
	must(v.post(v.space, v.people[0], strings.Repeat("x", size/3))) // the text stands in the payload three times
	m := v.pubsub.take()[0]
	if n := len(m.Data); n < size || n > size+1000 {
		t.Errorf("got %d bytes, want about %d", n, size)
	}
	if _, malformed := events.Decode(m.Attributes, m.Data); malformed != nil {
		t.Errorf("it is genuine, yet: %v", malformed)
	}
}

// Everything that people do decodes, with and without data, and gives as many
// items as the truth says.
func TestEventsDecode(t *testing.T) {
	t.Parallel()
	for _, include := range []bool{true, false} {
		t.Run(fmt.Sprintf("resource=%t", include), func(t *testing.T) {
			t.Parallel()
			v := newWorld(t, Options{Seed: 7})
			for _, s := range v.Spaces() {
				v.subscribe(t, func(in *workspaceevents.Subscription) {
					in.TargetResource = spaceTarget(s.Name)
					in.PayloadOptions.IncludeResource = include
				})
			}
			check(t, v.Run(t.Context(), Activity{Steps: 3000}))
			items := 0
			types := map[string]int{}
			for _, m := range v.pubsub.take() {
				e, malformed := events.Decode(m.Attributes, m.Data)
				if malformed != nil {
					t.Fatalf("%s: %v in %s", m.Attributes["ce-type"], malformed, m.Data)
				}
				for i := range e.Items {
					// A deletion tells its kind and verb, which is all there is to know.
					if it := &e.Items[i]; it.NamesOnly() == include && it.Verb != events.VerbDeleted {
						t.Fatalf("%s: got names only %t", e.Type, it.NamesOnly())
					}
				}
				items += len(e.Items)
				types[e.Type]++
			}
			if want := v.Counts().Items; items != want {
				t.Errorf("got %d items, the truth says %d", items, want)
			}
			if len(types) < 11 { // all but space.deleted, and some in batches
				t.Errorf("got only %d types: %v", len(types), types)
			}
		})
	}
}
