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
	x.run(cli.Failed, "apply", "--backfill", "1d")
	x.compare("backfill")
}

// A database that is away doesn't keep subscriptions from being made.
func TestApplyWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 1})
	x.env["SPACEKEEPER_DATABASE_DSN"] = "postgres://user@127.0.0.1:1/absent"
	x.run(cli.Failed, "apply")
	if text := x.transcript.String(); !strings.Contains(text, "[1/1] created") || !strings.Contains(text, "the worker wasn't told") {
		t.Errorf("it says\n%s", text)
	}
	x.run(cli.OK, "plan", "--detailed-exitcode")
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
