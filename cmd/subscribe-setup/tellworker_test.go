package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// An apply tells the worker what there is to do, and tells it once.
func TestApplyTellsTheWorker(t *testing.T) {
	t.Parallel()
	x := openWatched(t, simulate.Options{Spaces: 3})
	x.config("workspace: {spaces: [$A, $B]}")
	x.run(cli.OK, "apply", "--backfill", "28d")
	backfills := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, x.jobs("backfill")); diff != "" {
			t.Errorf("jobs (-want +got):\n%s", diff)
		}
	}
	first := []string{`{"gap": 1}`, `{"gap": 2}`}
	backfills(first...)
	var passes int
	if err := x.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'keep'`).Scan(&passes); err != nil || passes == 0 {
		t.Errorf("nobody asked for a pass of the keeper (%v)", err)
	}
	x.run(cli.OK, "apply", "--backfill", "28d") // it is asked for already
	backfills(first...)
	x.keep()
	x.run(cli.OK, "status")
	x.clock.Advance(time.Hour)
	x.config("backfill: {auto: false}\nworkspace: {spaces: [$A, $B, $C]}")
	x.run(cli.OK, "apply", "--backfill", "12h")
	backfills(append(first, `{"gap": 5}`)...)
	x.run(cli.Misused, "apply", "--backfill", "29d")
	x.run(cli.Misused, "apply", "--backfill", "a week")
	delete(x.env, "SPACEKEEPER_DATABASE_DSN")
	x.run(cli.Misconfigured, "apply", "--backfill", "1d")
	x.compare("backfill")
}

// What apply needs of the database is checked before anything is changed; list
// and status show what Google says, and what is missing.
func TestTheDatabaseIsCheckedFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dsn  func(*testing.T) string
		code int
		says string
	}{
		"without the schema": {func(t *testing.T) string { return storetest.EmptyDSN(t) }, cli.Misconfigured, "`subscriber migrate up`"},
		"away":               {func(*testing.T) string { return "postgres://user@127.0.0.1:1/absent" }, cli.Failed, "is Postgres running there?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, simulate.Options{Spaces: 2})
			x.config("workspace: {spaces: [$A]}")
			x.run(cli.OK, "apply")
			x.config("keeper: {on_added: true}\nworkspace: {targets: [{target: $A, include_resource: false}, {target: $B}]}")
			x.env["SPACEKEEPER_DATABASE_DSN"] = c.dsn(t)
			before := x.run(cli.OK, "list", "-o", "json")
			say := func(code int, args ...string) {
				t.Helper()
				x.transcript.Reset()
				x.run(code, args...)
				if text := x.transcript.String(); !strings.Contains(text, c.says) {
					t.Errorf("it doesn't say %q:\n%s", c.says, text)
				}
			}
			say(c.code, "apply", "--yes")
			say(c.code, "apply", "--yes", "--backfill", "1d")
			say(c.code, "plan", "--prune")
			if after := x.run(cli.OK, "list", "-o", "json"); after != before {
				t.Errorf("before %s\nafter %s", before, after)
			}
			say(cli.OK, "plan")
			say(cli.OK, "spaces", "list")
			say(cli.Failed, "status")
			if text := x.transcript.String(); !strings.Contains(text, "differs") {
				t.Errorf("it doesn't show the subscription:\n%s", text)
			}
		})
	}
}

// Whatever became of apply, the keeper has the members of every watched space
// listed: which ones it knows from the database.
func TestMembersOfEveryWatchedSpaceAreRequested(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string]func(*watched){
		"interrupted": func(x *watched) {
			ctx, interrupt := context.WithCancel(t.Context())
			x.ws.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
				if c.Method == "subscriptions.create" {
					interrupt()
				}
				return simulate.EventsFault{}
			})
			x.ctx = ctx
			x.run(cli.Interrupted, "apply")
			x.ws.SetEventsFaults(nil)
			x.ctx = nil
			x.run(cli.OK, "apply")
		},
		"without a database": func(x *watched) {
			dsn := x.env["SPACEKEEPER_DATABASE_DSN"]
			delete(x.env, "SPACEKEEPER_DATABASE_DSN")
			x.run(cli.OK, "apply")
			x.env["SPACEKEEPER_DATABASE_DSN"] = dsn
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := openWatched(t, simulate.Options{Spaces: 3})
			apply(x)
			x.keep()
			if n := len(x.jobs("members")); n != 3 {
				t.Errorf("the members of %d spaces are asked for, want 3:\n%s", n, x.transcript.String())
			}
		})
	}
}

// jobs are the arguments of all jobs of a kind.
func (x *watched) jobs(kind string) []string {
	x.t.Helper()
	rows, err := x.store.Pool().Query(x.t.Context(), `SELECT args::text FROM river_job WHERE kind = $1 ORDER BY 1`, kind)
	if err != nil {
		x.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		x.t.Fatal(err)
	}
	return list
}
