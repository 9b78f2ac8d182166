package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
)

// A rebuild that is interrupted says where to go on; all of it is there once it
// has gone on from there.
func TestRebuildGoesOn(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l, err := eventlog.New(db, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	for _, space := range []string{"AAQA", "AAQB", "AAQC"} {
		d := events.Delivery{
			MessageID: "m-" + space, PublishTime: now, ReceivedAt: now, Origin: events.OriginLive,
			Data: fmt.Appendf(nil, `{"message":{"name":"spaces/%s/messages/1.1","text":"hello"}}`, space),
			Attributes: map[string]string{
				"ce-id": "spaces/" + space + "/spaceEvents/1", "ce-type": "google.workspace.chat.message.v1.created", "ce-specversion": "1.0",
				"ce-source": "//workspaceevents.googleapis.com/subscriptions/s", "ce-subject": "//chat.googleapis.com/spaces/" + space,
				"ce-time": now.Format(time.RFC3339), "ce-datacontenttype": "application/json",
			},
		}
		d.Event, d.Malformed = events.Decode(d.Attributes, d.Data)
		if _, err := l.Record(t.Context(), []events.Delivery{d}); err != nil {
			t.Fatal(err)
		}
	}
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
		DELETE FROM stored_messages;
		CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS '
			BEGIN
				IF NEW.space_id = (SELECT id FROM spaces WHERE space = ''spaces/AAQB'') THEN
					PERFORM pg_advisory_xact_lock_shared(10);
				END IF;
				RETURN NULL;
			END';
		CREATE TRIGGER wait_for_test AFTER INSERT ON stored_messages FOR EACH ROW EXECUTE FUNCTION wait_for_test();
		SELECT pg_advisory_lock(10)`)
	env := environ{"SPACEKEEPER_DATABASE_DSN": dsn}
	const messages = `SELECT COALESCE(string_agg(space, ' ' ORDER BY space), '') FROM messages WHERE text = 'hello'`
	waiting := func() bool {
		return query[int](t, dsn, `
			SELECT count(*)::int
			FROM pg_locks, pg_sleep(0.01)
			WHERE locktype = 'advisory' AND objid = 10 AND NOT granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) -- other tests wait, too
			`) > 0
	}
	for _, from := range [][]string{nil, {"--after", "spaces/AAQA"}} {
		p := start(t, env, append([]string{"projections", "rebuild"}, from...)...)
		eventually(t, p, "the second space is being rebuilt", waiting)
		if code := p.stop(); code != cli.Interrupted || !strings.Contains(p.stderr.String(), "go on with --after spaces/AAQA\n") {
			t.Errorf("exit code %d, and it said %q", code, p.stderr.String())
		}
		if got := query[string](t, dsn, messages); got != "spaces/AAQA" {
			t.Errorf("there are messages of %s, want of what was rebuilt whole", got)
		}
		for waiting() { // the server takes a moment to notice
		}
	}
	exec(`SELECT pg_advisory_unlock(10)`)
	if code, _, stderr := call(t, env, "projections", "rebuild", "--after", "spaces/AAQA"); code != cli.OK {
		t.Errorf("exit code %d, and it said %q", code, stderr)
	}
	if got := query[string](t, dsn, messages); got != "spaces/AAQA spaces/AAQB spaces/AAQC" {
		t.Errorf("there are messages of %s, want of all", got)
	}
}
