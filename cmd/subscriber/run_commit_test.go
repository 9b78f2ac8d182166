package main

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// All statements of a transaction went through and only its commit hangs, for
// longer than Pub/Sub's library gathers acks for: nothing is acked. What has a
// transaction of several round trips and what goes in one are alike.
func TestNothingIsAckedBeforeItsCommit(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`
		CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(10); RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER wait_for_test AFTER INSERT ON stored_messages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_test();
		CREATE CONSTRAINT TRIGGER wait_for_test AFTER INSERT ON stored_membership_changes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_test();
		SELECT pg_advisory_lock(10)`)
	w := newWorkspace(t, dsn)
	acked := func() int64 {
		t.Helper()
		s, err := w.Broker().Stats("projects/" + w.Project() + "/subscriptions/" + subscriptionID)
		if err != nil {
			t.Fatal(err)
		}
		return s.Acked
	}
	p := start(t, w.env, "run")
	waiting := func(n int) func() bool {
		return func() bool {
			return query[int](t, dsn, `
				SELECT count(*)::int
				FROM pg_locks
				WHERE locktype = 'advisory' AND objid = 10 AND NOT granted
					AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) -- other tests wait, too
				`) >= n
		}
	}
	w.post(t, "hello")
	eventually(t, p, "the commit of the message hangs", waiting(1))
	if err := w.AddMembers(w.Spaces()[0].Name, w.AddUser(false)); err != nil {
		t.Fatal(err)
	}
	eventually(t, p, "the commit of the join hangs", waiting(2))
	<-time.After(time.Second)
	if n := acked(); n != 0 {
		t.Errorf("%d messages were acked before their commit", n)
	}
	exec(`SELECT pg_advisory_unlock(10)`)
	eventually(t, p, "both are acked", func() bool { return acked() >= 2 }) // and the event of the welcome
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

// The worker keeps the paces of its configuration: a space's and the project's.
func TestWritesAreConfiguredToBeApart(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	p := start(t, w.env.with("SPACEKEEPER_CHAT_WRITES_PER_MINUTE", "2").with("SPACEKEEPER_CHAT_WRITES_PER_MINUTE_PER_SPACE", "1"), "run")
	space := w.Spaces()[0].Name
	if err := w.AddMembers(space, w.AddUser(false)); err != nil {
		t.Fatal(err)
	}
	eventually(t, p, "the newcomer is welcomed", func() bool {
		return query[int](t, dsn, `SELECT count(*)::int FROM reactor_runs WHERE outcome = 'sent'`) == 1
	})
	const pace = `SELECT COALESCE(max(round(extract(epoch FROM next_at - (SELECT slot_at FROM reactor_runs)))), 0)::int FROM write_slots WHERE space = `
	if of := query[int](t, dsn, pace+`'`+space+`'`); of != 60 {
		t.Errorf("the next write to the space comes after %d s, want 60", of)
	}
	// Which is taken a little later than the space's.
	if of := query[int](t, dsn, pace+`''`); of < 30 || of > 45 {
		t.Errorf("the next write of the project comes after %d s, want 30", of)
	}
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}
