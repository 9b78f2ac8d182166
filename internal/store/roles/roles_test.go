package roles_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// made is a database with all roles, and a reader of one space.
func made(t *testing.T) *storetest.Env {
	t.Helper()
	env := storetest.New(t, storetest.Options{})
	must(t, roles.Create(t.Context(), env.Store, []roles.Group{{Name: "test", Spaces: []string{"spaces/A"}}}))
	return env
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, env *storetest.Env, sql string) {
	t.Helper()
	if _, err := env.Pool().Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// user makes a role that logs in, a member of others, and returns its name.
func user(t *testing.T, env *storetest.Env, attributes string, of ...string) string {
	t.Helper()
	name := storetest.NewRole(t)
	exec(t, env, "ALTER ROLE "+name+" "+attributes)
	for _, role := range of {
		exec(t, env, "GRANT "+role+" TO "+name)
	}
	return name
}

// as opens the store as a role.
func as(t *testing.T, dsn, role string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), storetest.WithRole(dsn, role), store.Options{MaxConns: 2})
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

// A managed Postgres has no superuser. Its administrator makes the roles; whoever
// is a member of the owner migrates from then on, and all that is made is the owner's.
func TestWithoutSuperuser(t *testing.T) {
	t.Parallel()
	root := storetest.New(t, storetest.Options{})
	admin, deployer := storetest.NewRole(t), storetest.NewRole(t)
	dsn := storetest.EmptyDSN(t)
	exec(t, root, "ALTER ROLE "+admin+" CREATEROLE")
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), "ALTER DATABASE "+pgx.Identifier{conn.Config().Database}.Sanitize()+" OWNER TO "+admin)
	must(t, err)
	must(t, store.Migrate(t.Context(), storetest.WithRole(dsn, admin)))
	// Twice, and as SQL.
	group := []roles.Group{{Name: "managed", Spaces: []string{"spaces/A", "spaces/B"}}}
	must(t, roles.Create(t.Context(), as(t, dsn, admin), group))
	group[0].Spaces = []string{"spaces/B", "spaces/C", "spaces/B"}
	var told strings.Builder
	must(t, roles.CreateTold(t.Context(), as(t, dsn, admin), group, func(text string, args ...any) { fmt.Fprintf(&told, text+"\n", args...) }))
	want := "spacekeeper_reader_managed sees spaces/B, spaces/C, and no longer spaces/A; nothing is recorded of spaces/B, spaces/C: is the id right?\n"
	if !strings.HasSuffix(told.String(), want) {
		t.Errorf("it tells %q, want %q", told.String(), want)
	}
	_, err = as(t, dsn, admin).Pool().Exec(t.Context(), roles.SQL(group), pgx.QueryExecModeSimpleProtocol)
	must(t, err)

	must(t, privileges.Check(t.Context(), as(t, dsn, roles.Worker)))
	list := func(sql string) (list []string) {
		t.Helper()
		rows, err := conn.Query(t.Context(), sql)
		must(t, err)
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		return list
	}
	if got := list(`SELECT space FROM reader_groups WHERE role_name = 'spacekeeper_reader_managed' ORDER BY 1`); strings.Join(got, " ") != "spaces/B spaces/C" {
		t.Errorf("the group's spaces are %q", got)
	}
	// The administrator is a member of the owner by now, and gives that on.
	_, err = as(t, dsn, admin).Pool().Exec(t.Context(), "GRANT "+roles.Owner+" TO "+deployer)
	must(t, err)
	for name, address := range map[string]string{"URL": storetest.WithRole(dsn, deployer), "words": words(t, dsn) + " role=" + deployer} {
		owners, err := roles.AsOwner(t.Context(), address)
		must(t, err)
		migrating, err := pgx.Connect(t.Context(), owners)
		must(t, err)
		_, err = migrating.Exec(t.Context(), "CREATE VIEW analytics.later_"+name+" AS SELECT 1 AS one; CREATE TABLE later_"+name+" ()")
		must(t, errors.Join(err, migrating.Close(t.Context())))
		must(t, store.Migrate(t.Context(), owners))
		must(t, roles.Grant(t.Context(), owners))
	}
	if got := list(`
		SELECT c.oid::regclass::text
		FROM pg_class c
		WHERE c.relnamespace IN ('public'::regnamespace, 'analytics'::regnamespace) AND c.relowner <> 'spacekeeper_owner'::regrole
		UNION ALL
		SELECT oid::regprocedure::text
		FROM pg_proc
		WHERE pronamespace IN ('public'::regnamespace, 'analytics'::regnamespace) AND proowner <> 'spacekeeper_owner'::regrole
		UNION ALL
		SELECT nspname
		FROM pg_namespace
		WHERE nspname = 'analytics' AND nspowner <> 'spacekeeper_owner'::regrole`); len(got) > 0 {
		t.Errorf("not the owner's: %q", got)
	}
	// What was made since is for readers, and nothing for the worker.
	if got := list(`
		SELECT concat_ws(' ', r, c) 
		FROM unnest(ARRAY['spacekeeper_reader', 'spacekeeper_worker', 'spacekeeper_reader_managed']) AS r,
			unnest(ARRAY['analytics.later_url', 'later_url', 'analytics.later_words', 'later_words']) AS c
		WHERE has_table_privilege(r, c, 'SELECT')
		ORDER BY 1`); len(got) != 6 || strings.Contains(strings.Join(got, "\n"), " later") {
		t.Errorf("what was made since is read by %q", got)
	}
}

// words is the address of a database in the other form.
func words(t *testing.T, dsn string) string {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	must(t, err)
	return "host=" + c.Host + " user=" + c.User + " password='" + c.Password + "' dbname=" + c.Database
}

// Who may not do a step hears which, and who can.
func TestRefused(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	for _, c := range []struct{ attributes, want string }{
		{"", "make the roles: ERROR: permission denied to create role (SQLSTATE 42501); the role NAME can't, but a role with CREATEROLE, such as the administrator of a managed Postgres can: run this as such, or pass on what --print prints"},
		{"CREATEROLE", "close the database to those who aren't named: ERROR: must be owner of database DATABASE (SQLSTATE 42501); the role NAME can't, but the owner of the database can: run this as such, or pass on what --print prints"},
	} {
		name := user(t, env, c.attributes)
		err := roles.Create(t.Context(), as(t, env.DSN, name), []roles.Group{{Name: "refused_" + name}})
		var refused *roles.RefusedError
		want := strings.NewReplacer("NAME", name, "DATABASE", env.Pool().Config().ConnConfig.Database).Replace(c.want)
		if !errors.As(err, &refused) || err.Error() != want {
			t.Errorf("with %q: got %v, want %v", c.attributes, err, want)
		}
	}
	if got := storetest.Column(t, env, `SELECT rolname FROM pg_roles WHERE rolname LIKE 'spacekeeper_reader_refused%'`); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
	must(t, roles.Grant(t.Context(), env.DSN)) // there is nobody to whom
	if found, err := roles.Look(t.Context(), env.Store); err != nil || !found.Absent {
		t.Errorf("got %v, %v, want that there are none", found, err)
	}
}

func TestParseGroup(t *testing.T) {
	t.Parallel()
	got, err := roles.ParseGroup("sales-2_x=spaces/A,spaces/B_-9")
	if diff := cmp.Diff(roles.Group{Name: "sales-2_x", Spaces: []string{"spaces/A", "spaces/B_-9"}}, got); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	if got.Reader() != "spacekeeper_reader_sales-2_x" {
		t.Errorf("its reader is %s", got.Reader())
	}
	long := strings.Repeat("x", 45)
	for text, want := range map[string]string{
		"": `group "": a name is`, "=spaces/A": `group "": a name is`, "Sales=spaces/A": `group "Sales": a name is`, `a"; DROP TABLE events; --=spaces/A`: "a name is",
		long + "=spaces/A": "up to 44", "sales": `group sales: "" is no space`, "sales=": `"" is no space`, "sales=spaces/A,": `"" is no space`,
		"sales=spaces/-": `"spaces/-" is no space`, "sales=spaces/A'": `"spaces/A'" is no space`, "sales=Team": `"Team" is no space`,
	} {
		if _, err := roles.ParseGroup(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
}

// Each right too much is found, and taken away by the next time the roles are made.
func TestLook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*testing.T, *storetest.Env)
		leaks []string
		loose []string
		stays bool // it is no right of ours
	}{
		"a table":    {spoil: sql("GRANT SELECT ON messages TO spacekeeper_reader"), leaks: []string{"R may SELECT messages", "R_test may SELECT messages"}},
		"a column":   {spoil: sql("GRANT SELECT (text) ON stored_messages TO spacekeeper_reader_test"), leaks: []string{"R_test may SELECT stored_messages"}, stays: true},
		"writing":    {spoil: sql("GRANT INSERT, DELETE ON analytics.dim_spaces TO spacekeeper_reader"), leaks: []string{"R may INSERT, DELETE analytics.dim_spaces", "R_test may INSERT, DELETE analytics.dim_spaces"}},
		"a sequence": {spoil: sql("GRANT USAGE ON SEQUENCE river_job_id_seq TO spacekeeper_reader_test"), leaks: []string{"R_test may use river_job_id_seq"}, stays: true},
		"a function": {spoil: sql("GRANT EXECUTE ON FUNCTION make_partition(text, date) TO PUBLIC"), leaks: []string{"R may EXECUTE make_partition(text,date)", "R_test may EXECUTE make_partition(text,date)"}, stays: true},
		"making":     {spoil: sql("GRANT CREATE ON SCHEMA public TO PUBLIC"), leaks: []string{"R may CREATE in schema public", "R_test may CREATE in schema public"}},
		"another's":  {spoil: sql("CREATE SCHEMA another; CREATE TABLE another.payroll (); GRANT SELECT ON another.payroll TO PUBLIC"), leaks: []string{"R may SELECT another.payroll", "R_test may SELECT another.payroll"}, stays: true},
		"a month":    {spoil: sql("GRANT DELETE ON events_2026_11 TO spacekeeper_worker"), loose: []string{"W may alter the log"}},
		"the log":    {spoil: sql("GRANT UPDATE ON events TO spacekeeper_worker"), loose: []string{"W may alter the log"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := made(t)
			c.spoil(t, env)
			short := strings.NewReplacer(roles.Reader, "R", roles.Worker, "W")
			look := func() (leaks, loose []string) {
				found, err := roles.Look(t.Context(), as(t, env.DSN, roles.Worker))
				must(t, err)
				for _, l := range found.Leaks {
					// Others' readers are members, too, and there may be groups of other tests.
					if l = short.Replace(l); strings.HasPrefix(l, "R may") || strings.HasPrefix(l, "R_test may") {
						leaks = append(leaks, l)
					}
				}
				for _, l := range found.Loose {
					if l = short.Replace(l); strings.HasPrefix(l, "W may") {
						loose = append(loose, l)
					}
				}
				return leaks, loose
			}
			leaks, loose := look()
			if diff := cmp.Diff([][]string{c.leaks, c.loose}, [][]string{leaks, loose}); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			if c.stays {
				return
			}
			must(t, roles.Create(t.Context(), env.Store, nil))
			if leaks, loose := look(); len(leaks)+len(loose) > 0 {
				t.Errorf("still after the roles were made again: %q, %q", leaks, loose)
			}
		})
	}
}

func sql(text string) func(*testing.T, *storetest.Env) {
	return func(t *testing.T, env *storetest.Env) { exec(t, env, text) }
}

// Who runs the worker as the owner is told, and who lets a dashboard read for ever.
func TestLookAtUsers(t *testing.T) {
	t.Parallel()
	grafana, patient, worker := storetest.NewRole(t), storetest.NewRole(t), storetest.NewRole(t)
	env := made(t)
	for _, sql := range []string{
		"ALTER ROLE " + grafana + " LOGIN", "GRANT " + roles.Reader + " TO " + grafana,
		"ALTER ROLE " + patient + " LOGIN", "GRANT " + roles.Reader + " TO " + patient, "ALTER ROLE " + patient + " SET statement_timeout = '30s'",
		"ALTER ROLE " + worker + " LOGIN", "GRANT " + roles.Worker + " TO " + worker, "ALTER DATABASE " + env.Pool().Config().ConnConfig.Database + " OWNER TO " + worker,
	} {
		exec(t, env, sql)
	}
	found, err := roles.Look(t.Context(), as(t, env.DSN, roles.Owner))
	must(t, err)
	found.Loose = slices.DeleteFunc(found.Loose, func(l string) bool {
		return !slices.Contains([]string{grafana, patient, worker, roles.Owner}, strings.Fields(l)[0])
	})
	want := roles.Found{Leaks: []string{}, Loose: []string{grafana + " reads without a statement_timeout", roles.Owner + " may alter the log", worker + " owns the database and may drop it"}}
	slices.Sort(want.Loose)
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	exec(t, env, "ALTER DATABASE "+env.Pool().Config().ConnConfig.Database+" OWNER TO CURRENT_USER")
}
