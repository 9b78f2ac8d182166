package mend_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// barrier stops the statements that write tables: the nth of them, counted from
// close on, waits until open is called.
type barrier struct {
	t    testing.TB
	conn *pgx.Conn
}

// newBarrier returns one that is open.
func newBarrier(t testing.TB, s *storetest.Env, tables ...string) *barrier {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), s.Pool().Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	b := &barrier{t, conn}
	b.exec(`
		CREATE SEQUENCE steps;
		CREATE FUNCTION step() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN
				IF nextval('public.steps') = 0 THEN
					PERFORM pg_advisory_xact_lock_shared(10);
				END IF;
				RETURN NULL;
			END $$;
		ALTER SEQUENCE steps MINVALUE -1000`)
	for _, table := range tables {
		b.exec(fmt.Sprintf(`CREATE TRIGGER step AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION step()`, table))
	}
	return b
}

func (b *barrier) exec(sql string) {
	b.t.Helper()
	if _, err := b.conn.Exec(b.t.Context(), sql); err != nil {
		b.t.Fatal(err)
	}
}

func (b *barrier) close(n int) {
	b.t.Helper()
	b.exec(fmt.Sprintf(`ALTER SEQUENCE steps RESTART WITH %d; SELECT pg_advisory_lock(10)`, 1-n))
}

func (b *barrier) open() {
	b.t.Helper()
	b.exec(`SELECT pg_advisory_unlock(10)`)
}

// waits reports whether a statement has come to the closed barrier before done
// is closed.
func (b *barrier) waits(done <-chan struct{}) bool {
	b.t.Helper()
	for {
		var n int
		if err := b.conn.QueryRow(b.t.Context(), `
			SELECT count(*)
			FROM pg_locks
			WHERE locktype = 'advisory' AND objid = 10 AND NOT granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n); err != nil {
			b.t.Fatal(err)
		}
		if n > 0 {
			return true
		}
		select {
		case <-done:
			return false
		case <-time.After(time.Millisecond):
		}
	}
}

// A rebuild that is interrupted, wherever in whichever space, or whose
// connection breaks there, is run again: the result is what it was live.
func TestRebuildIsInterrupted(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	rapid.Check(t, func(r *rapid.T) {
		if len(tables(t, s)) == 0 { // one history is enough
			arrive(t, r, s, 0, 3)
		}
	})
	want := tables(t, s)
	b := newBarrier(t, s, "stored_messages", "stored_revisions", "stored_reactions", "stored_memberships", "stored_membership_changes")
	spaces, err := mender(t, s).Spaces(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	interrupted, stride := 0, 7
	if storetest.Full() {
		stride = 1
	}
	for step := 1; ; step += stride {
		wreck(t, s)
		b.close(step)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		var failed error
		go func() {
			defer close(done)
			m := mender(t, s)
			for _, space := range append(spaces, "") {
				if _, failed = m.Rebuild(ctx, space); failed != nil {
					return
				}
			}
		}()
		at := b.waits(done)
		if at {
			interrupted++
			if step%2 == 0 {
				cancel()
			} else {
				b.exec(`
					SELECT pg_terminate_backend(pid)
					FROM pg_locks
					WHERE locktype = 'advisory' AND objid = 10 AND NOT granted
						AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
			}
		}
		<-done
		cancel()
		b.open()
		if at && failed == nil || !at && failed != nil {
			t.Fatalf("step %d: the rebuild ended with %v", step, failed)
		}
		if at {
			rebuildAll(t, mender(t, s))
		}
		if diff := gocmp.Diff(want, tables(t, s)); diff != "" {
			t.Fatalf("interrupted at step %d, and run again (-live +rebuilt):\n%s", step, diff)
		}
		if !at {
			break
		}
	}
	if interrupted < 2*len(spaces) { // several in each
		t.Errorf("interrupted at %d steps of %d spaces", interrupted, len(spaces))
	}
}

// What is being filled in while a rebuild begins isn't lost: the rebuild looks
// at it when all of it is committed. Otherwise it would see a membership
// without the change that says from where its state comes, and take it away.
func TestRebuildWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	const name = space + "/members/7"
	d := decoded(t, "1", "membership.v1.created", at(1), `{"membership":{"name":"`+name+`"}}`)
	record(t, s, d)
	b := newBarrier(t, s, "stored_membership_changes")
	b.close(1)
	enriched := make(chan struct{})
	go func() {
		defer close(enriched)
		content := membership(events.VerbCreated, space, "users/7", events.MembershipJoined)
		named := eventlog.Named{Key: items.KeyOf(d.Event, d.MessageID), Time: d.Event.Time, Kind: events.KindMembership, Resource: name, Space: space}
		if err := s.Enrich(context.WithoutCancel(t.Context()), named, content, at(100)); err != nil {
			t.Errorf("Enrich: %v", err)
		}
	}()
	if !b.waits(enriched) {
		t.Fatal("the change of the membership isn't written")
	}
	rebuilt := make(chan struct{})
	m := mender(t, s)
	go func() {
		defer close(rebuilt)
		if _, err := m.Rebuild(context.WithoutCancel(t.Context()), space); err != nil {
			t.Errorf("Rebuild: %v", err)
		}
	}()
	storetest.WaitForLocks(t, s, 2)
	b.open()
	<-enriched
	<-rebuilt
	if got := column(t, s, `SELECT concat_ws(' ', membership, member, state) FROM memberships`); !gocmp.Equal(got, []string{name + " users/7 JOINED"}) {
		t.Errorf("memberships: %v", got)
	}
}
