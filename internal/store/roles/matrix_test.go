package roles_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// Each role may do with each object of each schema exactly what testdata/matrix.golden
// says. Where a role may do the same with all of a schema, that is one line.
func TestMatrix(t *testing.T) {
	t.Parallel()
	env := made(t)
	got := strings.Join(storetest.Column(t, env, `
		WITH roles AS (
			-- What everybody may do is not repeated for each role.
			SELECT role, role = 'public' AS is_public
			FROM unnest(ARRAY['public', 'spacekeeper_content', 'spacekeeper_reader', 'spacekeeper_reader_test', 'spacekeeper_worker']) AS r (role)
		), schemas AS (
			SELECT oid AS schema, nspname::text
			FROM pg_namespace
			WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
		), held AS (
			SELECT role, nspname, c.relname::text AS name, 1 AS place, p AS privilege
			FROM pg_class c
			JOIN schemas ON schema = c.relnamespace
			CROSS JOIN roles
			CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
			WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(role, c.oid, p)
			UNION ALL
			SELECT role, nspname, c.relname, 2, p || ' (' || string_agg(a.attname, ', ' ORDER BY a.attname) || ')'
			FROM pg_class c
			JOIN schemas ON schema = c.relnamespace
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			CROSS JOIN roles
			CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p
			WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT has_table_privilege(role, c.oid, p) AND has_column_privilege(role, c.oid, a.attnum, p)
			GROUP BY role, nspname, c.relname, p
			UNION ALL
			SELECT role, nspname, c.relname, 3, p
			FROM pg_class c
			JOIN schemas ON schema = c.relnamespace
			CROSS JOIN roles
			CROSS JOIN unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS p
			WHERE c.relkind = 'S' AND has_sequence_privilege(role, c.oid, p)
			UNION ALL
			SELECT role, nspname, f.proname || '(' || pg_get_function_identity_arguments(f.oid) || ')', 4, concat('EXECUTE', CASE WHEN f.prosecdef THEN ' as its owner' END)
			FROM pg_proc f
			JOIN schemas ON schema = f.pronamespace
			CROSS JOIN roles
			WHERE has_function_privilege(role, f.oid, 'EXECUTE') AND f.prorettype <> 'trigger'::regtype
				AND (is_public OR NOT has_function_privilege('public', f.oid, 'EXECUTE'))
			UNION ALL
			SELECT role, nspname, '', 5, p
			FROM schemas
			CROSS JOIN roles
			CROSS JOIN unnest(ARRAY['USAGE', 'CREATE']) AS p
			WHERE has_schema_privilege(role, schema, p) AND (is_public OR NOT has_schema_privilege('public', schema, p))
			UNION ALL
			SELECT role, 'the database', '', 6, p
			FROM roles
			CROSS JOIN unnest(ARRAY['CREATE', 'TEMPORARY']) AS p
			WHERE has_database_privilege(role, current_database(), p)
		), objects AS (
			SELECT role, nspname, name, string_agg(privilege, ', ' ORDER BY place, privilege) AS privileges
			FROM held
			GROUP BY role, nspname, name
		), counted AS (
			SELECT role, nspname, privileges, count(*) AS n, min(nspname || '.' || name) AS name,
				(SELECT count(*) FROM pg_class c JOIN schemas ON schema = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v') AND schemas.nspname = o.nspname) AS of
			FROM objects o
			WHERE name <> '' AND name NOT LIKE '%)'
			GROUP BY role, nspname, privileges
		)
		SELECT line
		FROM (
			SELECT role || ': every table and view of ' || nspname || ': ' || privileges AS line FROM counted WHERE n = of
			UNION ALL
			SELECT o.role || ': ' || rtrim(o.nspname || '.' || o.name, '.') || ': ' || o.privileges
			FROM objects o
			LEFT JOIN counted c ON c.role = o.role AND c.nspname = o.nspname AND c.privileges = o.privileges AND o.name <> '' AND o.name NOT LIKE '%)'
			WHERE (c.n = c.of) IS NOT TRUE
		) AS lines
		ORDER BY line COLLATE "C"`), "\n") + "\n"
	const file = "testdata/matrix.golden"
	if *update {
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("what roles may do (-want +got): is all of it meant? then run with -update\n%s", diff)
	}
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, roles.Reader) && !strings.Contains(line, ": analytics.record_action(") && !strings.HasSuffix(line, ".analytics: SELECT\n") && !strings.HasSuffix(line, " of analytics: SELECT\n") && !strings.HasSuffix(line, ": analytics: USAGE\n") {
			t.Errorf("more than reading analytics: %s", line)
		}
	}
}

// reading is a session of somebody who has logged in, a member of a role.
func reading(t *testing.T, env *storetest.Env, name string) *pgx.Conn {
	t.Helper()
	exec(t, env, "ALTER ROLE "+name+" LOGIN PASSWORD 'only for this test'")
	config, err := pgx.ParseConfig(env.DSN)
	must(t, err)
	config.User, config.Password = name, "only for this test"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// views are all of the schema analytics.
func views(t *testing.T, env *storetest.Env) []string {
	t.Helper()
	return storetest.Column(t, env, `SELECT relname FROM pg_class WHERE relnamespace = 'analytics'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1`)
}

// A reader changes nothing, makes nothing, and becomes nobody else, even if its
// session takes writes again.
func TestReadersOnlyRead(t *testing.T) {
	t.Parallel()
	name := storetest.NewRole(t)
	env := made(t)
	exec(t, env, "GRANT "+roles.Reader+", "+roles.Content+" TO "+name)
	conn := reading(t, env, name)
	_, err := conn.Exec(t.Context(), "SET default_transaction_read_only = off")
	must(t, err)
	statements := []string{
		"CREATE TABLE t ()", "CREATE TABLE analytics.t ()", "CREATE TEMPORARY TABLE t ()", "CREATE SCHEMA s", "CREATE VIEW analytics.v AS SELECT 1 AS one",
		"CREATE FUNCTION f(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'", "CREATE FUNCTION pg_temp.f(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
		"CREATE FUNCTION analytics.f(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'", "CREATE OPERATOR CLASS analytics.o FOR TYPE text USING btree AS OPERATOR 1 <",
		"SET ROLE spacekeeper_owner", "SET ROLE spacekeeper_worker", "SET SESSION AUTHORIZATION spacekeeper_owner", "CREATE ROLE r", "GRANT spacekeeper_owner TO CURRENT_USER",
		"SELECT make_partition('events', '2040-01-01')", "SELECT pg_read_file('PG_VERSION')", "COPY (SELECT 1) TO PROGRAM 'true'", "COPY analytics.dim_spaces TO '/tmp/x'",
		"SELECT FROM reader_groups", "INSERT INTO reader_groups VALUES ('x', 'y')", "SELECT FROM readable_spaces", "SELECT FROM stored_messages", "SELECT FROM events", "SELECT FROM event_log",
		"ALTER VIEW analytics.fct_messages SET (security_barrier = false)", "ALTER VIEW analytics.fct_messages OWNER TO CURRENT_USER",
		"SELECT FROM analytics.dim_spaces FOR UPDATE", "BEGIN; LOCK TABLE analytics.dim_spaces IN EXCLUSIVE MODE", "COMMENT ON VIEW analytics.dim_spaces IS ''",
		"SELECT public.lock_projections('ROW SHARE')", "BEGIN; LOCK TABLE public.projection_locks IN ACCESS SHARE MODE", "SELECT pg_advisory_lock(1)", "SELECT pg_try_advisory_xact_lock_shared(1, 2)", "SELECT lo_creat(-1)", "SELECT analytics.record_action('erasure.finished', '', '', '', '{}')", "SELECT FROM trail", "INSERT INTO trail DEFAULT VALUES", "SELECT lo_from_bytea(0, 'x')",
	}
	for _, view := range views(t, env) {
		statements = append(statements, "DELETE FROM analytics."+view, "TRUNCATE analytics."+view, "INSERT INTO analytics."+view+" DEFAULT VALUES", "DROP VIEW analytics."+view)
	}
	for _, sql := range statements {
		_, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		_, _ = conn.Exec(t.Context(), "ROLLBACK") // of what began
		if !refused(err, "55000", "42809") {      // or nobody may do it to a view
			t.Errorf("%s: %v, want that it is not allowed", sql, err)
		}
	}
	for _, view := range views(t, env) {
		if _, err := conn.Exec(t.Context(), "SELECT FROM analytics."+view); err != nil {
			t.Errorf("%s: %v", view, err)
		}
	}
	// But it says what it reads, and not who it is.
	must(t, trail.Record(t.Context(), conn, trail.Action{Name: "access.raw_viewed", Operator: "maria"}))
	if got := storetest.Column(t, env, `SELECT concat_ws(' ', action, role_name, operator) FROM trail`); !slices.Equal(got, []string{"access.raw_viewed " + name + " maria"}) {
		t.Errorf("the trail has %q", got)
	}
}

// What happens in a space changes nothing in any view for readers of others: but
// for the time at which days and rollups begin.
func TestGroupsSeeNothingOfOthers(t *testing.T) {
	t.Parallel()
	name, content := storetest.NewRole(t), storetest.NewRole(t)
	env := made(t)
	exec(t, env, "GRANT spacekeeper_reader_test TO "+name)
	exec(t, env, "GRANT spacekeeper_reader, spacekeeper_content TO "+content)
	happen(t, env, "spaces/A", "users/ann")
	conn, all := reading(t, env, name), reading(t, env, content)
	rows := func(conn *pgx.Conn, view string) []string {
		t.Helper()
		found, err := conn.Query(t.Context(), "SELECT v::text FROM analytics."+view+" AS v ORDER BY 1")
		must(t, err)
		list, err := pgx.CollectRows(found, pgx.RowTo[string])
		must(t, err)
		return list
	}
	const numbers = `SELECT count(value) + count(numerator) + count(denominator) FROM analytics.metrics(current_date - 60, current_date + 1, $1)`
	var count int
	must(t, conn.QueryRow(t.Context(), numbers, "spaces/A").Scan(&count))
	if count == 0 {
		t.Error("metrics() tells readers of a group nothing of their own spaces")
	}
	for space, want := range map[string]string{
		"all": "this role sees the spaces of a group, and no numbers of all together (SQLSTATE 42501)", "spaces/B": "no such space is known: 'spaces/B' (SQLSTATE 22023)",
	} {
		if err := conn.QueryRow(t.Context(), numbers, space).Scan(&count); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("metrics() of %s for readers of a group: %v, want %s", space, err, want)
		}
	}
	before, whole := map[string][]string{}, map[string][]string{}
	for _, view := range views(t, env) {
		before[view], whole[view] = rows(conn, view), rows(all, view)
	}
	happen(t, env, "spaces/B", "users/ben")
	for _, view := range views(t, env) {
		if slices.Contains([]string{"dim_dates", "rollup_state"}, view) {
			continue
		}
		if diff := cmp.Diff(before[view], rows(conn, view)); diff != "" {
			t.Errorf("%s shows what happened in another group's space (-before +after):\n%s", view, diff)
		}
		seen := strings.Join(rows(conn, view), "\n")
		for _, others := range []string{"spaces/B", "users/ben", "secret"} {
			if strings.Contains(seen, others) {
				t.Errorf("%s shows %s: %s", view, others, seen)
			}
		}
		// The same views have more for whoever may see all: the test can fail.
		switch {
		case slices.Contains([]string{"about", "metric_definitions", "dim_hours"}, view): // it changes none of them
		case slices.Equal(whole[view], rows(all, view)):
			t.Errorf("%s: what happens doesn't change it: let it be tested with what does", view)
		}
	}
	// Text is for those with the content role alone; how long it is, for all.
	const texts = `SELECT string_agg(DISTINCT COALESCE(text, '-'), ' ' ORDER BY COALESCE(text, '-')) FROM analytics.fct_messages WHERE space_id = 'spaces/A'`
	for who, want := range map[*pgx.Conn]string{conn: "-", all: "secret of spaces/A seen by all of spaces/A"} {
		var got string
		must(t, who.QueryRow(t.Context(), texts).Scan(&got))
		if got != want {
			t.Errorf("%s reads %q, want %q", who.Config().User, got, want)
		}
	}
}

// A function in a WHERE that tells what it is given is given nothing that its
// caller doesn't see, however cheap it says it is.
func TestNothingLeaksThroughFunctions(t *testing.T) {
	t.Parallel()
	name := storetest.NewRole(t)
	env := made(t)
	exec(t, env, "GRANT spacekeeper_reader_test TO "+name)
	happen(t, env, "spaces/A", "users/ann")
	happen(t, env, "spaces/B", "users/ben")
	exec(t, env, `
		CREATE SCHEMA trap;
		GRANT USAGE ON SCHEMA trap TO PUBLIC;
		CREATE FUNCTION trap.tell(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$`)
	exec(t, env, "ALTER ROLE "+name+" LOGIN PASSWORD 'only for this test'")
	config, err := pgx.ParseConfig(env.DSN)
	must(t, err)
	config.User, config.Password = name, "only for this test"
	var told strings.Builder
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { fmt.Fprintln(&told, n.Message) }
	conn, err := pgx.ConnectConfig(t.Context(), config)
	must(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	columns, err := env.Pool().Query(t.Context(), `
		SELECT c.relname, quote_ident(a.attname)
		FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
		WHERE c.relnamespace = 'analytics'::regnamespace
		ORDER BY 1, a.attnum`)
	must(t, err)
	var view, column string
	asked := 0
	_, err = pgx.ForEachRow(columns, []any{&view, &column}, func() error {
		asked++
		_, err := conn.Exec(t.Context(), fmt.Sprintf("SELECT FROM analytics.%s WHERE trap.tell(%s)", view, column))
		return err
	})
	must(t, err)
	if asked < 90 || !strings.Contains(told.String(), "spaces/A") {
		t.Fatalf("%d columns tell %q", asked, told.String())
	}
	for _, hidden := range []string{"spaces/B", "users/ben", "secret"} {
		if i := strings.Index(told.String(), hidden); i >= 0 {
			t.Errorf("a function was told %q", told.String()[max(0, i-50):i+50])
		}
	}
}

// refused reports whether an error is that something isn't allowed, or one of the codes.
func refused(err error, or ...string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && slices.Contains(append(or, "42501"), pgErr.Code)
}

// happen records some of everything in a space.
func happen(t *testing.T, env *storetest.Env, space, user string) {
	t.Helper()
	other := user + "2"
	first, second := space+"/messages/"+user[6:]+"."+user[6:], space+"/messages/"+user[6:]+".r"
	n := 0
	live := func(it events.Item) events.Delivery {
		n++
		return storetest.Live(fmt.Sprint(space, n), storetest.At(n), it)
	}
	renamed := storetest.Renamed(space, "Board of "+space, "SPACE")
	renamed.SpaceData.ThreadingState = "THREADED_MESSAGES"
	root := mention(first, user, other)
	root.Message.Thread = space + "/threads/" + user[6:]
	lone := storetest.Message(events.VerbCreated, space+"/messages/lone.lone", user, "seen by all of "+space, storetest.At(4), storetest.At(4))
	lone.Message.Thread = space + "/threads/lone"
	replies := make([]events.Delivery, 5) // from fewer people response_network shows none
	for i := range replies {
		it := storetest.Message(events.VerbCreated, fmt.Sprint(second, i), fmt.Sprint(other, i), "seen by all of "+space, storetest.At(4), storetest.At(4))
		it.Message.Thread = root.Message.Thread
		replies[i] = live(it)
	}
	storetest.Record(t, env, append(replies, live(lone))...)
	storetest.Record(t, env,
		live(root),
		live(renamed),
		live(storetest.Membership(events.VerbCreated, space, user, events.MembershipJoined)),
		live(storetest.Membership(events.VerbCreated, space, other, events.MembershipJoined)),
		live(storetest.Message(events.VerbCreated, second, other, "seen by all of "+space, storetest.At(4), storetest.At(4))),
		live(storetest.Reaction(events.VerbCreated, first, other, "🎉")),
		live(storetest.Membership(events.VerbDeleted, space, other, "")),
		storetest.Interaction(space, storetest.At(9), user, "Board member "+user, space, "Board of "+space),
	)
	exec(t, env, fmt.Sprintf(`
		INSERT INTO coverage (scope, from_time, to_time, source, cause, repair)
		VALUES ('%[1]s', '%[2]s', NULL, 'live', NULL, NULL), ('%[1]s', '%[3]s', '%[2]s', 'gap', 'expired', 'pending');
		INSERT INTO reactor_runs (event_time, due_at, reactor, subject, trigger, hash, space, member, outcome, finished_at)
		VALUES ('%[2]s', '%[2]s', 'welcome', '%[1]s', 'member.joined', '', '%[1]s', '%[4]s', 'sent', now());
		INSERT INTO quarantine (quarantine_key, received_at, message_id, ordering_key, reason, detail, attributes, data)
		VALUES (gen_random_uuid(), now(), '', '', 'not_json', '', '{}', '')`,
		space, storetest.Epoch.Format(time.RFC3339), storetest.At(-3600).Format(time.RFC3339), user))
	_, err := proofs.New(env.Store).Seal(t.Context())
	must(t, err)
	rollups := analytics.New(env.Store)
	for more := true; more; {
		var err error
		more, err = rollups.Pass(t.Context())
		must(t, err)
	}
}

// mention is a message of somebody who mentions another.
func mention(name, user, other string) events.Item {
	it := storetest.Message(events.VerbCreated, name, user, "secret of "+strings.Join(strings.Split(name, "/")[:2], "/"), storetest.At(3), storetest.At(3))
	it.Message.Mentions = []events.Mention{{User: other}}
	return it
}
