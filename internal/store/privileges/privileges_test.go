package privileges_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
	"github.com/spacekeeper/spacekeeper/internal/store/pruning"
	"github.com/spacekeeper/spacekeeper/internal/store/statements"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/migrations"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// grant makes a role that may do what the worker does, and no more.
func grant(t *testing.T, env *storetest.Env, role string) {
	t.Helper()
	exec(t, env, "GRANT EXECUTE ON FUNCTION make_partition(text, date) TO "+role)
	exec(t, env, "GRANT USAGE ON SEQUENCE river_job_id_seq TO "+role)
	for _, n := range privileges.Needs() {
		columns := ""
		if n.Columns != "" {
			columns = "(" + n.Columns + ")"
		}
		exec(t, env, fmt.Sprintf("GRANT %s %s ON %s TO %s", n.Privilege, columns, n.Relation, role))
	}
}

func exec(t *testing.T, env *storetest.Env, sql string) {
	t.Helper()
	if _, err := env.Pool().Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// What a role lacks is named table by table, as an error for which the worker ends.
func TestMissing(t *testing.T) {
	t.Parallel()
	role := storetest.NewRole(t) // before the database, to be dropped after it
	env := storetest.New(t, storetest.Options{})
	guest, err := store.Open(t.Context(), storetest.WithRole(env.DSN, role), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(guest.Close)
	missing := func(s *store.Store) []string {
		t.Helper()
		got, err := privileges.Missing(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := missing(env.Store); len(got) > 0 {
		t.Errorf("a superuser lacks %q", got)
	}
	var unread *store.SchemaError
	if err := guest.CheckSchema(t.Context()); !errors.As(err, &unread) || !strings.Contains(err.Error(), "it lacks SELECT on goose_db_version; ") {
		t.Errorf("CheckSchema of a role that may read nothing: %v", err)
	}
	all := missing(guest)
	for _, want := range []string{
		"SELECT, INSERT, UPDATE on events", "SELECT, INSERT, UPDATE, DELETE on quarantine", "SELECT on coverage_gaps",
		"SELECT, INSERT, UPDATE, DELETE on river_job", "USAGE on river_job_id_seq", "EXECUTE on make_partition",
	} {
		if !slices.Contains(all, want) {
			t.Errorf("%q is not among what is missing: %q", want, all)
		}
	}
	grant(t, env, role)
	if got := missing(guest); len(got) > 0 {
		t.Errorf("a role with all that is listed lacks %q", got)
	}
	if err := privileges.Check(t.Context(), guest); err != nil {
		t.Error(err)
	}
	mayAddMonths(t, env, guest)
	exec(t, env, "REVOKE DELETE ON ALL TABLES IN SCHEMA public FROM "+role)
	var schema *store.SchemaError
	err = privileges.Check(t.Context(), guest)
	if !errors.As(err, &schema) || schema.Role != role || !strings.Contains(err.Error(), role+" may not do what the worker does: it lacks DELETE on backfills; ") ||
		!strings.Contains(err.Error(), "DELETE on river_job; ") {
		t.Errorf("got %v", err)
	}
}

// mayAddMonths checks that who isn't the owner adds months to the tables that are
// divided, which are the owner's, and can't make anything else that way.
func mayAddMonths(t *testing.T, env *storetest.Env, guest *store.Store) {
	t.Helper()
	leap := time.Date(2032, 2, 29, 23, 59, 0, 0, time.UTC)
	months := []partitions.Partition{partitions.Of(partitions.Events, leap), partitions.Of(partitions.Messages, leap)}
	for range 2 { // a second worker finds them
		if err := partitions.New(guest.Pool()).Ensure(t.Context(), months); err != nil {
			t.Fatal(err)
		}
	}
	const bounds = ` FOR VALUES FROM ('2032-02-01 00:00:00+00') TO ('2032-03-01 00:00:00+00')`
	want := []string{
		"events_2032_02" + bounds + " {autovacuum_vacuum_insert_scale_factor=0.02,autovacuum_analyze_scale_factor=0.02}",
		"stored_messages_2032_02" + bounds + " {fillfactor=90,autovacuum_analyze_scale_factor=0.02}",
	}
	got := storetest.Column(t, env, `
		SELECT concat_ws(' ', c.relname, pg_get_expr(c.relpartbound, c.oid), c.reloptions::text)
		FROM pg_inherits i
		JOIN pg_class c ON c.oid = i.inhrelid
		JOIN pg_class p ON p.oid = i.inhparent AND p.relowner = c.relowner
		WHERE c.relname LIKE '%_2032_%' AND p.relkind = 'p'
		ORDER BY 1`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
	for sql, code := range map[string]string{
		"SELECT make_partition('users', '2032-03-01')":                    "20000", // case_not_found
		"SELECT make_partition('events; DROP TABLE users', '2032-03-01')": "20000",
		"CREATE TABLE mine ()":                                            "42501", // insufficient_privilege
		"ALTER TABLE events DETACH PARTITION events_2032_02":              "42501",
		"DELETE FROM events":                                              "42501",
		"UPDATE events SET event_time = now()":                            "42501",
		"UPDATE events_2032_02 SET payload = NULL":                        "42501",
	} {
		var refused *pgconn.PgError
		if _, err := guest.Pool().Exec(t.Context(), sql); !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("%s: %v, want code %s", sql, err, code)
		}
	}
}

// The list is what the statements of this program do: no more, or a role that is
// enough would be refused; no less, or one that isn't would not.
func TestNeedsAreThoseOfTheStatements(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	rows, _ := env.Pool().Query(t.Context(), `
		SELECT relname
		FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition`)
	relations, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := map[privileges.Need]bool{}
	for _, relation := range []string{"river_job", "river_leader", "river_queue"} { // River's own statements
		for _, p := range []string{"SELECT", "INSERT", "UPDATE", "DELETE"} {
			want[privileges.Need{Relation: relation, Privilege: p}] = true
		}
	}
	for _, r := range pruning.Rules() { // which looks for rows, locks and deletes them
		for _, p := range []string{"SELECT", "UPDATE", "DELETE"} {
			want[privileges.Need{Relation: r.Table, Privilege: p}] = true
		}
	}
	var changed []string // columns of the log
	for _, sql := range texts(t) {
		for _, relation := range relations {
			for _, p := range uses(sql, relation) {
				if relation == "events" && p == "UPDATE" {
					changed = append(changed, assigned(sql)...)
					continue
				}
				want[privileges.Need{Relation: relation, Privilege: p}] = true
			}
		}
	}
	slices.Sort(changed)
	want[privileges.Need{Relation: "events", Privilege: "UPDATE", Columns: strings.Join(slices.Compact(changed), ", ")}] = true
	got := map[privileges.Need]bool{}
	for _, n := range privileges.Needs() {
		got[n] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the list against the statements (-statements +list):\n%s", diff)
	}
}

// uses are the privileges that a statement takes on a table.
func uses(sql, relation string) (all []string) {
	if !strings.Contains(sql, relation) {
		return nil
	}
	matches := func(before, after string) bool {
		return regexp.MustCompile(`(?s)\b` + before + ` ` + relation + `\b` + after).MatchString(sql)
	}
	if matches(`(FROM|JOIN|USING)`, ``) {
		all = append(all, "SELECT")
	}
	if matches(`INSERT INTO`, ``) {
		all = append(all, "INSERT", "SELECT") // ON CONFLICT, RETURNING
	}
	if matches(`UPDATE`, ``) || matches(`INSERT INTO`, `.*ON CONFLICT.*DO UPDATE`) {
		all = append(all, "UPDATE", "SELECT")
	}
	if matches(`DELETE FROM`, ``) {
		all = append(all, "DELETE")
	}
	if matches(`LOCK TABLE`, ``) {
		all = append(all, "UPDATE")
	}
	return all
}

// assigned are the columns that an UPDATE sets.
func assigned(sql string) (columns []string) {
	_, set, _ := strings.Cut(sql, "SET ")
	set, _, _ = strings.Cut(set, "WHERE")
	for _, m := range regexp.MustCompile(`(\w+) = `).FindAllStringSubmatch(set, -1) {
		columns = append(columns, m[1])
	}
	return columns
}

// texts are the statements of the store and the functions of the schema.
// Rebuilding projections deletes from them, which the worker doesn't; nor does it
// hold or erase anything; some functions act as their owner.
func texts(t *testing.T) (all []string) {
	t.Helper()
	root, err := statements.Root()
	if err != nil {
		t.Fatal(err)
	}
	const store = "internal/store/"
	list, err := statements.Read(root, statements.Options{
		Below: []string{store},
		Except: []string{store + "eventlog/projections/rebuild.go", store + "holds/change.go", store + "erasures", store + "storetest", store + "roles",
			store + "pruning/pruning.go"}, // which Rules tell of
		Return: map[string][]string{"where": {"true"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		all = append(all, s.SQL)
	}
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range regexp.MustCompile(`(?s)(SECURITY DEFINER )?AS \$\$.*?\$\$`).FindAllString(string(text), -1) {
			if !strings.HasPrefix(body, "SECURITY DEFINER") {
				all = append(all, body)
			}
		}
	}
	return all
}

// Who keeps the worker from a row is named, and not those who wait for it, too.
func TestLocksOfRows(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	other, err := pgx.Connect(t.Context(), env.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.WithoutCancel(t.Context()))
	for _, sql := range []string{`INSERT INTO write_slots (space, next_at) VALUES ('spaces/S', now())`, `BEGIN; SELECT FROM write_slots FOR UPDATE`} {
		if _, err := other.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error)
	for range 2 {
		go func() {
			_, err := env.Pool().Exec(t.Context(), `SELECT FROM write_slots FOR UPDATE`)
			done <- err
		}()
	}
	want := []privileges.Lock{{Table: "rows that the worker waits for", Mode: "a lock", Process: int32(other.PgConn().PID())}}
	for {
		waiting := storetest.Value[int](t, env, `
			SELECT count(*)::int
			FROM pg_stat_activity, pg_sleep(0.01)
			WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		got, err := privileges.Locks(t.Context(), env.Store)
		if err != nil {
			t.Fatal(err)
		}
		if waiting == 2 {
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			break
		}
	}
	if _, err := other.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got, err := privileges.Locks(t.Context(), env.Store); err != nil || len(got) > 0 {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

// A lock that keeps the worker from writing is named; one that lets it write isn't.
func TestLocks(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	for mode, table := range map[string]string{
		"": "reactor_runs", "ACCESS SHARE": "river_job", "ROW EXCLUSIVE": "river_job", "SHARE UPDATE EXCLUSIVE": "events",
		"SHARE": "events", "EXCLUSIVE": "river_leader", "ACCESS EXCLUSIVE": "reactor_runs",
	} {
		var pid int32
		err := pgx.BeginFunc(t.Context(), env.Pool(), func(tx pgx.Tx) error {
			if mode != "" {
				if _, err := tx.Exec(t.Context(), fmt.Sprintf("LOCK TABLE ONLY %s IN %s MODE", table, mode)); err != nil {
					return err
				}
			}
			if err := tx.QueryRow(t.Context(), `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
				return err
			}
			got, err := privileges.Locks(t.Context(), env.Store)
			if err != nil {
				return err
			}
			var want []privileges.Lock
			switch mode {
			case "SHARE":
				want = []privileges.Lock{{Table: table, Mode: "ShareLock", Process: pid}}
			case "EXCLUSIVE":
				want = []privileges.Lock{{Table: table, Mode: "ExclusiveLock", Process: pid}}
			case "ACCESS EXCLUSIVE":
				want = []privileges.Lock{{Table: table, Mode: "AccessExclusiveLock", Process: pid}}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s on %s: got %v, want %v", mode, table, got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
