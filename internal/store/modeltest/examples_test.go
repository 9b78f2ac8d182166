package modeltest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// example builds a history by hand.
type example struct{ history }

func newExample(number int) *example {
	return &example{history{number: number, space: fmt.Sprint("spaces/M", number)}}
}

// user is somebody of the example.
func (x *example) user() string { return fmt.Sprintf("users/1%06d00", x.number) }

// live adds a copy from Pub/Sub that is recorded in a transaction.
func (x *example) live(tx int, e *event, told ...copied) {
	x.deliveries = append(x.deliveries, delivery{
		event: e, origin: events.OriginLive, received: e.at, messageID: e.messageID(), source: "//workspaceevents.googleapis.com/subscriptions/s1",
		told: told, batch: tx,
	})
}

// fetched adds a copy of a backfill.
func (x *example) fetched(tx, at int, e *event, told ...copied) {
	x.live(tx, e, told...)
	d := &x.deliveries[len(x.deliveries)-1]
	d.origin, d.received, d.messageID = events.OriginBackfill, at, ""
}

func (x *example) event(name string, kind events.Kind, verb events.Verb, at int, resources ...string) *event {
	e := &event{name: name, kind: kind, verb: verb, at: at, space: x.space, batch: len(resources) > 1}
	for _, r := range resources {
		e.elements = append(e.elements, element{resource: x.space + r})
	}
	return e
}

func (x *example) text(text string, edited int) copied {
	c := blank()
	c.user, c.userType, c.text, c.edited = x.user(), "HUMAN", text, edited
	return copied{whole, c}
}

// What the model test has found: each of these was recorded or rebuilt wrongly.
func TestExamples(t *testing.T) {
	t.Parallel()
	nameOnly, nothing := copied{named, blank()}, copied{absent, blank()}
	const message, other = "/messages/m1", "/messages/m2"
	var list []*history
	names := map[string]string{} // by space
	for name, build := range map[string]func(x *example){
		"a copy names an element that the first had not": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbCreated, 1, message, other)
			x.live(1, e, x.text("a", never), nothing)
			x.live(2, e, x.text("a", never), x.text("b", never))
		},
		"both copies in one batch": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbCreated, 1, message, other)
			x.live(1, e, nothing, x.text("b", never))
			x.live(1, e, x.text("a", never), x.text("b", never))
		},
		"a live copy holds less than the backfilled one": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbCreated, 1, message, other)
			x.fetched(1, 5, e, x.text("a", never), x.text("b", never))
			x.live(2, e, x.text("a", never), nothing)
		},
		"copies that hold one element each": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbCreated, 1, message, other)
			x.fetched(1, 5, e, x.text("a", never), x.text("b", never))
			x.live(2, e, nothing, x.text("b", never))
			x.live(3, e, x.text("a", never), nothing)
		},
		"content after the name": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbCreated, 1, message)
			x.live(1, e, nameOnly)
			x.live(2, e, x.text("a", never))
		},
		"content and the name in one batch": func(x *example) {
			e := x.event("e1", events.KindMembership, events.VerbCreated, 1, strings.TrimPrefix(events.MemberName(x.space, x.user()), x.space))
			c := blank()
			c.state, c.user, c.userType, c.role = "JOINED", x.user(), "HUMAN", "ROLE_MEMBER"
			x.live(1, e, nameOnly)
			x.fetched(1, 5, e, copied{whole, c})
			x.live(2, e, copied{whole, c})
		},
		"a version that only a backfill knows, fetched in the batch of the live copy": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbCreated, 1, message)
			x.live(1, e, x.text("a", never))
			x.fetched(1, 9, e, x.text("b", 7))
		},
		"two texts of one version, the live one counts": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbUpdated, 5, message)
			x.live(1, e, x.text("a", 5))
			x.fetched(1, 9, e, x.text("b", 5))
		},
		"two versions of one time, one of them fetched for an older event": func(x *example) {
			x.fetched(1, 9, x.event("e2", events.KindMessage, events.VerbUpdated, 7, message), x.text("c", 7))
			x.fetched(1, 8, x.event("e1", events.KindMessage, events.VerbCreated, 1, message), x.text("b", 7))
		},
		"a group that only fetched content names": func(x *example) {
			e := x.event("e1", events.KindMembership, events.VerbUpdated, 1, "/members/g2")
			c, out := blank(), blank()
			c.state, c.group = "JOINED", "groups/G"
			x.live(1, e, nameOnly)
			x.fetched(2, 5, e, copied{whole, c})
			out.state = "NOT_A_MEMBER"
			x.live(3, x.event("e2", events.KindMembership, events.VerbDeleted, 6, "/members/g2"), copied{whole, out})
		},
		"who deleted a message, after the bare deletion": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbDeleted, 1, message)
			by := blank()
			by.deletion = "ADMIN"
			x.live(1, e, nameOnly)
			x.fetched(2, 5, e, copied{whole, by})
		},
		"when a message was sent, which only a copy told that was fetched after its deletion": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbCreated, 1, message)
			left := blank()
			left.created, left.deletion = 1, "CREATOR"
			x.live(1, e, nameOnly)
			x.fetched(2, 5, e, copied{gone, left})
		},
		"a message that was deleted at once": func(x *example) {
			e := x.event("e1", events.KindMessage, events.VerbCreated, 1, message)
			left := blank()
			left.created, left.deletion, left.deleted = 1, "CREATOR", 1
			x.live(1, e, x.text("a", never))
			x.fetched(2, 5, e, copied{gone, left})
			e = x.event("e2", events.KindMessage, events.VerbCreated, 1, other)
			x.live(3, e, x.text("a", never))
			x.fetched(3, 5, e, copied{gone, left})
		},
		"two names in one batch": func(x *example) {
			for at, name := range []string{"A", "B", "C"} {
				c := blank()
				c.spaceName = name
				x.live(1, x.event(name, events.KindSpace, events.VerbUpdated, at, ""), copied{whole, c})
			}
		},
		"the name of the time of fetching": func(x *example) {
			e := x.event("e1", events.KindSpace, events.VerbUpdated, 1, "")
			before, after := blank(), blank()
			before.spaceName, after.spaceName = "A", "B"
			x.fetched(1, 9, e, copied{whole, after})
			x.live(2, e, copied{whole, before})
		},
	} {
		x := newExample(len(list))
		build(x)
		list, names[x.space] = append(list, &x.history), name
	}
	s := open(t)
	for _, h := range list {
		for _, tx := range transactions(h) {
			if _, err := s.Record(t.Context(), tx); err != nil {
				t.Fatalf("%s: %v", names[h.space], err)
			}
		}
	}
	check := func(stage string) {
		held := read(t, s)
		for _, h := range list {
			if diff := differences(fold(h), held[h.space]); diff != "" {
				t.Errorf("%s, %s:\n%s\n(-model +database)\n%s", names[h.space], stage, describe(h), diff)
			}
		}
	}
	check("recorded")
	m := mend.New(s.Store, s.Log)
	for _, h := range list {
		if _, err := m.Rebuild(t.Context(), h.space); err != nil {
			t.Fatal(err)
		}
	}
	check("rebuilt")
}

// What a projection refuses of a second copy has bytes, too: a rebuild applies it.
func TestBytesOfTheRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	if _, err := s.Pool().Exec(t.Context(), `ALTER TABLE stored_messages DROP CONSTRAINT stored_messages_deleted_check, ADD CONSTRAINT stored_messages_deleted_check CHECK (text <> 'b')`); err != nil {
		t.Fatal(err)
	}
	x := newExample(0)
	e := x.event("e1", events.KindMessage, events.VerbCreated, 1, "/messages/m1", "/messages/m2")
	x.live(1, e, x.text("a", never), copied{absent, blank()})
	x.live(2, e, x.text("a", never), x.text("b", never))
	for _, tx := range transactions(&x.history) {
		if _, err := s.Record(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM unapplied_events`); n != 1 {
		t.Errorf("%d events are marked, want 1", n)
	}
	if _, err := s.Pool().Exec(t.Context(), `ALTER TABLE stored_messages DROP CONSTRAINT stored_messages_deleted_check`); err != nil {
		t.Fatal(err)
	}
	if _, err := mend.New(s.Store, s.Log).Rebuild(t.Context(), x.space); err != nil {
		t.Fatal(err)
	}
	if _, diff := compare(t, s, []*history{&x.history}); diff != "" {
		t.Errorf("(-model +database)\n%s", diff)
	}
}

// A rebuild between a live copy's projections and its bytes, which take the place
// of fetched ones, finds the fetched bytes: what the live copy told stays.
func TestRebuildBeforeTheBytes(t *testing.T) {
	t.Parallel()
	s := open(t)
	x := newExample(0)
	e := x.event("e1", events.KindMessage, events.VerbCreated, 1, "/messages/m1")
	x.fetched(1, 9, e, x.text("b", 7))
	x.live(2, e, x.text("a", never))
	record := func(i int) error {
		_, err := s.Record(context.WithoutCancel(t.Context()), []events.Delivery{x.deliveries[i].wire()})
		return err
	}
	if err := record(0); err != nil {
		t.Fatal(err)
	}
	tx, err := s.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	if _, err := tx.Exec(t.Context(), `SELECT FROM events FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	recorded := make(chan error, 1)
	go func() { recorded <- record(1) }()
	storetest.WaitForLocks(t, s, 1)
	rebuilt := make(chan error, 1)
	go func() {
		_, err := mend.New(s.Store, s.Log).Rebuild(t.Context(), x.space)
		rebuilt <- err
	}()
	for len(rebuilt) == 0 && storetest.Value[int](t, s, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`) < 2 {
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, ended := range []chan error{recorded, rebuilt} {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	if _, diff := compare(t, s, []*history{&x.history}); diff != "" {
		t.Errorf("(-model +database)\n%s", diff)
	}
}
