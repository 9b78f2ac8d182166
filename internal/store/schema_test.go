package store_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
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
		SELECT c.relname || COALESCE('.' || a.attname, '')
		FROM pg_class c
		LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
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
	if got := value[int](t, s, `SELECT count(*) FROM goose_db_version WHERE version_id > 0`); got != 6 {
		t.Errorf("applied steps = %d, want 6", got)
	}
	status, err := store.MigrationStatus(t.Context(), dsn)
	if err != nil || len(status) != 6 {
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
	if _, err := reader.Exec(t.Context(), `SELECT count(*) FROM quarantine`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- store.Unmigrate(t.Context(), dsn) }()
	waitForLocks(t, s, 1)
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

// Row D11: a binary refuses a schema that is older or newer than its own.
func TestCheckSchema(t *testing.T) {
	t.Parallel()
	s := openStore(t, storetest.NewDSN(t))
	if err := s.Store.CheckSchema(t.Context()); err != nil {
		t.Errorf("CheckSchema of the right version: %v", err)
	}
	for _, tt := range []struct{ sql, fix string }{
		{`DELETE FROM goose_db_version WHERE version_id = 6`, "subscriber migrate up"},
		{`INSERT INTO goose_db_version (version_id, is_applied) VALUES (7, true)`, "newer binary"},
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
