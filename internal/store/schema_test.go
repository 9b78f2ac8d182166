package store_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/migrations"
)

var updateSchema = flag.Bool("update", false, "rewrite migrations/schema.sql")

// dump describes the schema as pg_dump does, without what is River's or
// goose's and without partitions.
func dump(t *testing.T, dsn string) string {
	t.Helper()
	binary := pgDump(t)
	out, err := exec.CommandContext(t.Context(), binary, "--schema-only", "--no-owner", "--no-privileges",
		"--exclude-table=river_*", "--exclude-table=goose_*", "--exclude-table=events_20*", "--dbname="+dsn).Output()
	if err != nil {
		t.Fatalf("%s: %v", binary, err)
	}
	var kept []string
	for _, statement := range regexp.MustCompile(`\n--\n-- Name: `).Split(string(out), -1)[1:] {
		head, body, _ := strings.Cut(statement, "\n")
		if strings.Contains(head, "river_") {
			continue
		}
		body = regexp.MustCompile(`(?m)^(--.*|SET default_.*|\\.*)?\n`).ReplaceAllString(body+"\n", "")
		if body = strings.TrimSpace(body); body != "" {
			kept = append(kept, body)
		}
	}
	return strings.Join(kept, "\n\n") + "\n"
}

func pgDump(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if len(found) > 0 {
		return found[len(found)-1]
	}
	binary, err := exec.LookPath("pg_dump")
	if err != nil {
		t.Skip("pg_dump is not installed")
	}
	return binary
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	dsn := storetest.EmptyDSN(t)
	empty := dump(t, dsn)
	up := func() {
		if err := store.Migrate(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
	}
	up()
	first := dump(t, dsn)
	if err := store.Unmigrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(empty, dump(t, dsn)); diff != "" {
		t.Errorf("down leaves something behind (-want +got):\n%s", diff)
	}
	up()
	if diff := cmp.Diff(first, dump(t, dsn)); diff != "" {
		t.Errorf("up, down, up (-want +got):\n%s", diff)
	}

	const file = "../../migrations/schema.sql"
	const head = "-- The schema after all migrations, for reading. Written by: go test ./internal/store -run TestMigrations -update\n\n"
	if *updateSchema {
		if err := os.WriteFile(file, []byte(head+first), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), head+first); diff != "" {
		t.Errorf("schema.sql is not current (-want +got):\n%s", diff)
	}
}

func TestEverythingHasAComment(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	missing := column(t, s, `
		SELECT c.oid::regclass || COALESCE('.' || a.attname, '')
		FROM pg_class c
		LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped
		WHERE c.relnamespace IN ('public'::regnamespace, 'analytics'::regnamespace) AND c.relkind IN ('r', 'p', 'v')
			AND c.relname NOT LIKE 'river\_%' AND c.relname NOT LIKE 'goose\_%'
			AND NOT c.relispartition
			AND NOT EXISTS (
				SELECT FROM pg_description d
				WHERE d.objoid = c.oid AND d.objsubid = COALESCE(a.attnum, 0)
			)
		ORDER BY 1`)
	if len(missing) > 0 {
		t.Errorf("no comment on %s", strings.Join(missing, ", "))
	}
}

// steps counts the migrations: the newest one is the version that this binary needs.
func steps(t *testing.T) int {
	t.Helper()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// Row D10: several migrators at once apply everything once.
func TestMigratorsAtOnce(t *testing.T) {
	t.Parallel()
	dsn := storetest.EmptyDSN(t)
	const migrators = 5
	errs := make(chan error, migrators)
	for range migrators {
		go func() { errs <- store.Migrate(t.Context(), dsn) }()
	}
	for range migrators {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	s := openStore(t, dsn)
	if got := storetest.Value[int](t, s, `SELECT count(*) FROM goose_db_version WHERE version_id > 0`); got != steps(t) {
		t.Errorf("applied steps = %d, want %d", got, steps(t))
	}
	status, err := store.MigrationStatus(t.Context(), dsn)
	if err != nil || len(status) != steps(t) {
		t.Fatalf("MigrationStatus = %+v, %v", status, err)
	}
	for _, m := range status {
		if m.AppliedAt.IsZero() {
			t.Errorf("step %d is not applied", m.Version)
		}
	}
}

// Row D10: a reader holds what the migration needs. The migration steps back
// after lockTimeout, and goes through when the reader has gone.
func TestMigrationWaitsForReader(t *testing.T) {
	t.Parallel()
	dsn := storetest.NewDSN(t)
	s := openStore(t, dsn)
	reader, err := s.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Whichever step is the last one: it drops something.
	if _, err := reader.Exec(t.Context(), `
		DO $$
		DECLARE
			t regclass;
		BEGIN
			FOR t IN SELECT oid FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace::regnamespace::text IN ('public', 'analytics') LOOP
				EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', t);
			END LOOP;
		END $$`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- store.Unmigrate(t.Context(), dsn) }()
	storetest.WaitForLocks(t, s, 1)
	if err := reader.Rollback(context.WithoutCancel(t.Context())); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func openStore(t *testing.T, dsn string) *storetest.Env {
	t.Helper()
	return storetest.Open(t, dsn, storetest.Options{Now: clock})
}

// Row D11: a binary refuses a schema that is older than its own, or that a
// migration has declared too new for it.
func TestCheckSchema(t *testing.T) {
	t.Parallel()
	s := openStore(t, storetest.NewDSN(t))
	if err := s.Store.CheckSchema(t.Context()); err != nil {
		t.Errorf("CheckSchema of the right version: %v", err)
	}
	for _, tt := range []struct{ sql, fix string }{
		{fmt.Sprintf(`UPDATE schema_compatibility SET oldest_binary = %d; INSERT INTO goose_db_version (version_id, is_applied) VALUES (%[1]d, true)`,
			steps(t)+1), "newer binary"},
		{fmt.Sprintf(`DELETE FROM goose_db_version WHERE version_id >= %d`, steps(t)), "subscriber migrate up"},
	} {
		if _, err := s.Pool().Exec(t.Context(), tt.sql); err != nil {
			t.Fatal(err)
		}
		var schemaErr *store.SchemaError
		err := s.Store.CheckSchema(t.Context())
		if !errors.As(err, &schemaErr) || !strings.Contains(err.Error(), tt.fix) {
			t.Errorf("after %s: CheckSchema = %v, want a SchemaError that says %q", tt.sql, err, tt.fix)
		}
	}
	var schemaErr *store.SchemaError
	if err := openStore(t, storetest.EmptyDSN(t)).Store.CheckSchema(t.Context()); !errors.As(err, &schemaErr) || schemaErr.Version != 0 {
		t.Errorf("without a schema: CheckSchema = %v, want a SchemaError of version 0", err)
	}
}

// The steps that come next add to the schema: this binary records and reacts on
// it as before, and finds nothing to migrate.
func TestOlderBinaryRunsOnNewerSchema(t *testing.T) {
	t.Parallel()
	dsn := storetest.NewDSN(t)
	s := storetest.Open(t, dsn, storetest.Options{Now: clock, Planner: storetest.Greeter{}})
	tables := column(t, s, `
		SELECT relname
		FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname !~ '^(river|goose)_'
		ORDER BY 1`)
	next := "-- +goose Up\nCREATE TABLE next (id bigint);\n"
	for _, table := range tables {
		next += fmt.Sprintf("ALTER TABLE %s ADD COLUMN next text NOT NULL DEFAULT 'next';\n", table)
	}
	steps := fstest.MapFS{}
	if err := fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(migrations.FS, path)
		steps[path] = &fstest.MapFile{Data: data}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	steps[fmt.Sprintf("%05d_next.sql", len(steps)+1)] = &fstest.MapFile{Data: []byte(next)}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	newer, err := goose.NewProvider(goose.DialectPostgres, db, steps)
	if err != nil {
		t.Fatal(err)
	}
	if applied, err := newer.Up(t.Context()); err != nil || len(applied) != 1 {
		t.Fatalf("%d steps were applied, %v, want 1", len(applied), err)
	}

	if err := s.Store.CheckSchema(t.Context()); err != nil {
		t.Errorf("CheckSchema of a schema that only has more: %v", err)
	}
	if err := store.Migrate(t.Context(), dsn); err != nil {
		t.Errorf("Migrate of a schema that only has more: %v", err)
	}
	for _, o := range record(t, s, storetest.NewMix(7).Batch(200)...) {
		if o != events.Recorded {
			t.Fatalf("outcome = %s, want recorded", o)
		}
	}
	record(t, s, interaction("named", at(1), ann, "Ann", space, "Sails"),
		live("m1", at(2), message(events.VerbCreated, space+"/messages/m", ann, "a", at(2), time.Time{})),
		live("m2", at(3), message(events.VerbUpdated, space+"/messages/m", ann, "b", at(2), at(3))),
		join("joined", 4))
	if got := column(t, s, `SELECT text FROM message_history WHERE message = 'spaces/S/messages/m' ORDER BY version_time`); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("versions = %q, want a and b", got)
	}
	run, _, err := s.BeginAttempt(t.Context(), storetest.Value[int64](t, s, `SELECT id FROM reactor_runs WHERE space = 'spaces/S'`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReserveWrite(t.Context(), runs.Pace{Name: space, Interval: time.Second}, run.ID); err != nil {
		t.Error(err)
	}
	if err := s.PrepareRun(t.Context(), run, runs.Prepared{Messages: []runs.OwnMessage{{Space: space, ClientID: "client-1"}}}); err != nil {
		t.Error(err)
	}
	if err := s.FinishRun(t.Context(), run, reactors.Sent, ""); err != nil {
		t.Error(err)
	}
	watched := coverage.SubscriptionState{Target: "//chat.googleapis.com/" + space, Scope: space, State: "ACTIVE", Managed: true, ObservedAt: at(10)}
	if err := s.Observe(t.Context(), at(10), []coverage.SubscriptionState{watched}); err != nil {
		t.Error(err)
	}
	if err := s.OpenGap(t.Context(), space, at(2), at(5), coverage.CauseSilentLoss); err != nil {
		t.Error(err)
	}
	if _, err := s.BeginBackfill(t.Context(), space, at(2), at(5), 1); err != nil {
		t.Error(err)
	}
	if _, err := s.Reconcile(t.Context(), memberships.Listing{Space: space, AsOf: at(20), Members: []memberships.Member{
		{Name: "users/bob", Type: events.UserHuman, State: events.MembershipJoined},
	}}); err != nil {
		t.Error(err)
	}
	if err := s.Heartbeat(t.Context(), at(30), time.Hour); err != nil {
		t.Error(err)
	}
}

// A database of another encoding would garble what people write: it is refused
// before the first table is made.
func TestEncodingMustBeUTF8(t *testing.T) {
	t.Parallel()
	admin := openStore(t, storetest.EmptyDSN(t))
	const name = "spacekeeper_test_latin1"
	exec := func(sql string) {
		t.Helper()
		if _, err := admin.Pool().Exec(context.WithoutCancel(t.Context()), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`)
	exec(`CREATE DATABASE ` + name + ` ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
	dsn := storetest.WithDatabase(admin.DSN, name)
	latin, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"Migrate": store.Migrate(t.Context(), dsn), "CheckSchema": latin.CheckSchema(t.Context())} {
		var schemaErr *store.SchemaError
		if !errors.As(err, &schemaErr) || schemaErr.Encoding != "LATIN1" || !strings.Contains(err.Error(), "ENCODING 'UTF8'") {
			t.Errorf("%s = %v, want a SchemaError of LATIN1 that says how to make a better one", what, err)
		}
	}
	var tables int
	if err := latin.Pool().QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables); err != nil || tables > 0 {
		t.Errorf("%d tables were made all the same, %v", tables, err)
	}
	latin.Close()
	exec(`DROP DATABASE ` + name)
}

// What a role's settings say of the client doesn't matter.
func TestClientEncodingIsUTF8(t *testing.T) {
	t.Parallel()
	role := storetest.NewRole(t)
	s := storetest.New(t, storetest.Options{})
	if _, err := s.Pool().Exec(t.Context(), `ALTER ROLE `+role+` SET client_encoding = 'LATIN1'; ALTER DATABASE `+
		storetest.Value[string](t, s, `SELECT current_database()`)+` SET client_encoding = 'LATIN1'`); err != nil {
		t.Fatal(err)
	}
	if got := storetest.Value[string](t, openStore(t, s.DSN), `SHOW client_encoding`); got != "UTF8" {
		t.Errorf("client_encoding = %s, want UTF8", got)
	}
}

// Functions mean our tables, whatever the session's search_path is and whoever
// puts tables of the same names before them.
func TestFunctionsFindTheirTables(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	record(t, s, live("1", at(1), message(events.VerbCreated, "spaces/S/messages/m", ann, "a", at(1), time.Time{})))
	loose := column(t, s, `
		SELECT proname
		FROM pg_proc
		WHERE pronamespace IN ('public'::regnamespace, 'analytics'::regnamespace) AND proname NOT LIKE 'river\_%'
			AND prosqlbody IS NULL -- its names were resolved when it was made
			AND NOT EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search_path=%')`)
	if len(loose) > 0 {
		t.Errorf("functions without a search_path: %q", loose)
	}
	conn, err := s.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), `
		CREATE TEMP TABLE stored_revisions (LIKE public.stored_revisions INCLUDING ALL);
		SET search_path = pg_temp, pg_catalog;
		UPDATE public.stored_messages SET text = 'b', version_time = version_time + interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	if got := column(t, s, `SELECT text FROM public.message_history ORDER BY version_time`); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("versions = %q, want a and b", got)
	}
}
