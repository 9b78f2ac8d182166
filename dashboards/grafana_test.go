package dashboards_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/dashboards"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

const uid = "spacekeeper-pg"

// read returns the dashboards.
func read(t *testing.T) map[string]dashboards.Dashboard {
	t.Helper()
	all, err := dashboards.Read()
	if err != nil || len(all) != 5 {
		t.Fatalf("%d, %v: want five dashboards", len(all), err)
	}
	return all
}

// Whoever provisions them gets dashboards that say what they show, of one data
// source, which nobody changes by mistake.
func TestDashboardsAreWhole(t *testing.T) {
	t.Parallel()
	ofDays := regexp.MustCompile(`activity_date|timeseries|cohort_week`)
	for name, d := range read(t) {
		complain := func(format string, args ...any) { t.Helper(); t.Errorf(name+": "+format, args...) }
		if d.UID != "spacekeeper-"+name || d.Title == "" || d.Description == "" || d.Timezone != "utc" || d.Editable == nil || *d.Editable {
			complain("its uid, title, description, zone, or that it is editable: %q, %q, %q, %q", d.UID, d.Title, d.Description, d.Timezone)
		}
		var variables []string
		for _, v := range d.Templating.List {
			variables = append(variables, v.Name)
			if v.Type == "query" && v.Datasource.UID != uid {
				complain("the variable %s asks %+v", v.Name, v.Datasource)
			}
		}
		if !slices.Equal(variables, []string{"zone", "space", "range"}) {
			complain("its variables are %q", variables)
		}
		if len(d.Annotations.List) != 1 || d.Annotations.List[0].Datasource.UID != uid || !strings.Contains(d.Annotations.List[0].Target.RawSQL, "analytics.coverage_gaps") {
			complain("gaps aren't shaded: %+v", d.Annotations.List)
		}
		seen := map[int]bool{}
		for _, p := range d.Panels {
			if seen[p.ID] || p.ID == 0 || p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" {
				complain("panel %d %q: its id, title, description or unit is missing", p.ID, p.Title)
			}
			seen[p.ID] = true
			for _, q := range p.Targets {
				if p.Datasource.UID != uid || q.Datasource.UID != uid || q.Datasource.Type != "grafana-postgresql-datasource" {
					complain("%s asks %+v, %+v", p.Title, p.Datasource, q.Datasource)
				}
				if ofDays.MatchString(q.RawSQL) && !strings.Contains(p.Title, "days in $zone") {
					complain("%s doesn't say whose days it shows", p.Title)
				}
				if regexp.MustCompile(`(FROM|JOIN) (?:public\.)?[a-z_]+\b[^.(]`).MatchString(strings.ReplaceAll(q.RawSQL, "FROM finished_at", "")) &&
					!strings.Contains(q.RawSQL, "analytics.") {
					complain("%s reads what is not of the schema analytics", p.Title)
				}
			}
			if len(p.Targets) == 0 {
				complain("%s asks nothing", p.Title)
			}
		}
	}
}

// Each query of each panel, variable and annotation gives a reader something, of all
// spaces and of one, and reads no big table whole.
func TestQueries(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	seed(t, env)
	if err := roles.Create(t.Context(), env.Store, nil); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), storetest.WithRole(env.DSN, roles.Reader))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "SET jit = off; SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	var asked []string
	for name, d := range read(t) {
		zone := values(t, conn, d.Templating.List[0].Query)[0][0].(string)
		var spaces []string
		for _, row := range values(t, conn, d.Templating.List[1].Query) {
			spaces = append(spaces, row[1].(string))
		}
		if zone != "UTC" || !slices.Equal(spaces, []string{"all", "spaces/A", "spaces/B"}) {
			t.Fatalf("%s: the variables are %q, %q", name, zone, spaces)
		}
		for _, space := range spaces[:2] {
			for _, by := range []string{"day", "week", "month"} {
				variables := map[string]string{"zone": zone, "space": space, "range": by}
				check := func(title, sql string) {
					t.Helper()
					text := expand(t, sql, variables)
					asked = append(asked, text)
					for _, complaint := range judge(t, conn, text) {
						t.Errorf("%s: %s, of %s by %s: %s\n%s", name, title, space, by, complaint, text)
					}
				}
				for _, p := range d.Panels {
					for _, q := range p.Targets {
						if by == "day" || strings.Contains(q.RawSQL, "$range") {
							check(p.Title, q.RawSQL)
						}
					}
				}
				if by == "day" {
					check("gaps", d.Annotations.List[0].Target.RawSQL)
				}
			}
		}
	}
	if len(asked) < 100 {
		t.Errorf("%d queries were asked", len(asked))
	}
	asked = append(asked, questions(t)...)
	for _, events := range []int{100_000_000, 1_000_000_000} {
		if _, err := env.Pool().Exec(t.Context(), grown, events, big.String()); err != nil {
			t.Fatal(err)
		}
		for _, sql := range asked {
			for _, complaint := range whole(t, conn, sql) {
				t.Errorf("of %d events: %s\n%s", events, complaint, sql)
			}
		}
	}
}

// grown tells the planner of as many events, a hundred million a year, in ten
// thousand spaces: the rows of each table, as shares of events, are those of the
// benchmark's database.
const grown = `
	WITH shares (name, share) AS (
		VALUES ('events', 1), ('stored_messages', 0.68), ('stored_revisions', 0.05), ('stored_reactions', 0.1), ('stored_membership_changes', 0.1),
			('stored_memberships', 0.02), ('reactor_runs', 0.05), ('reactor_records', 0.01), ('reactor_evaluations', 0.001), ('quarantine', 0.0001),
			('rollup_activity', 0.4), ('rollup_members', 0.2), ('rollup_summary', 0.0365), ('rollup_hours', 0.15), ('rollup_emoji', 0.05),
			('rollup_responses', 0.03), ('rollup_retention', 0.01), ('rollup_stays', 0.02)
	), tables AS (
		UPDATE pg_class c
		SET reltuples = $1::integer * s.share, relpages = GREATEST(1, pg_relation_size(c.oid) / 8192)
		FROM shares s
		WHERE c.relname = s.name AND c.relname ~ $2
	)
	UPDATE pg_statistic
	SET stadistinct = 10000
	FROM pg_attribute a
	WHERE a.attrelid = starelid AND a.attnum = staattnum AND a.attname = 'space_id'`

// questions are those of docs/analytics.md that rollups answer: those of messages
// are planned where there are some.
func questions(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile("../docs/analytics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sql\n(SELECT.*?);\n```").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(block[1], "analytics.fct_message") {
			list = append(list, block[1])
		}
	}
	if len(list) != 12 {
		t.Fatalf("%d questions: %q", len(list), list)
	}
	return list
}

// The test finds what it is for.
func TestJudge(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	seed(t, env)
	conn, err := pgx.Connect(t.Context(), env.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for sql, want := range map[string]string{
		"SELECT nonsense": "column \"nonsense\" does not exist",
		"SELECT space_id FROM analytics.dim_spaces WHERE false":                                           "it gives nothing",
		"SELECT NULL::int AS value":                                                                       "it gives nothing",
		"SELECT count(*) FROM stored_reactions WHERE emoji = '🎉'":                                         "it reads all of stored_reactions",
		"SELECT count(*) FROM analytics.fct_messages":                                                     "it reads all of stored_messages",
		"SELECT sum(messages) FROM analytics.agg_summary_daily WHERE dau > 3":                             "it reads all of rollup_summary",
		"SELECT count(*) FROM analytics.fct_reactor_runs WHERE activity_date > now()::date - 30":          "it reads all of reactor_runs",
		"SELECT count(*) FROM analytics.fct_reactor_runs WHERE triggered_at > now() - interval '30 days'": "",
		"SELECT count(*) FROM analytics.dim_spaces":                                                       "",
	} {
		if got := strings.Join(judge(t, conn, sql), "; "); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: got %q, want %q in it", sql, got, want)
		}
	}
}

// expand is a query as Grafana sends it, of the last 90 days.
func expand(t *testing.T, sql string, variables map[string]string) string {
	t.Helper()
	text, err := dashboards.Expand(sql, variables, time.Now().AddDate(0, 0, -90), time.Now())
	if err != nil {
		t.Error(err)
	}
	return text
}

func values(t *testing.T, conn *pgx.Conn, sql string) [][]any {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return list
}

// big are tables that grow with what happens, and with days and spaces. What waits
// for the next pass over the rollups (rollup_changes, _marks, _days) doesn't.
var big = regexp.MustCompile(`^(events|quarantine|stored_(messages|reactions|revisions|membership_changes|memberships)|reactor_(runs|records|evaluations)|` +
	`rollup_(activity|members|summary|hours|emoji|responses|retention|stays))(_\d+_\d+|_unplaced)?$`)

// judge carries out a query, and says what is wrong with it.
func judge(t *testing.T, conn *pgx.Conn, sql string) (complaints []string) {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, pgx.QueryExecModeExec)
	if err != nil {
		return []string{err.Error()}
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		return []string{err.Error()}
	}
	if !slices.ContainsFunc(list, func(row []any) bool { return row[len(row)-1] != nil || len(row) > 3 }) {
		complaints = append(complaints, "it gives nothing")
	}
	return append(complaints, whole(t, conn, sql)...)
}

// whole says which big tables a query would read whole.
func whole(t *testing.T, conn *pgx.Conn, sql string) (complaints []string) {
	t.Helper()
	var plans []struct{ Plan node }
	if err := conn.QueryRow(t.Context(), "EXPLAIN (FORMAT json) "+sql, pgx.QueryExecModeExec).Scan(&plans); err != nil {
		t.Fatal(err)
	}
	plans[0].Plan.visit(func(n node) {
		if (n.Type == "Seq Scan" || strings.HasPrefix(n.Type, "Index") && n.Cond == "") && big.MatchString(n.Relation) {
			complaints = append(complaints, "it reads all of "+n.Relation)
		}
	})
	return complaints
}

// node is one of a plan.
type node struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Cond     string `json:"Index Cond"`
	Plans    []node
}

func (n node) visit(do func(node)) {
	do(n)
	for _, child := range n.Plans {
		child.visit(do)
	}
}

// seed records five weeks of two spaces: joins and leaves, threads with answers and
// without, reactions, an app, a welcome, and a gap.
func seed(t *testing.T, env *storetest.Env) {
	t.Helper()
	var list []events.Delivery
	add := func(at time.Time, it events.Item) {
		list = append(list, storetest.Live(fmt.Sprintf("E%d", len(list)), at, it))
	}
	begin := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -35)
	for _, space := range []string{"spaces/A", "spaces/B"} {
		named := storetest.Renamed(space, "Team "+space[7:], "SPACE")
		named.SpaceData.ThreadingState = "THREADED_MESSAGES"
		add(begin, named)
		for day := range 35 {
			at := begin.AddDate(0, 0, day).Add(9 * time.Hour)
			user, other := fmt.Sprintf("users/%d", day%7), fmt.Sprintf("users/%d", (day+1)%7)
			if day < 7 {
				add(at.Add(-time.Hour), storetest.Membership(events.VerbCreated, space, user, events.MembershipJoined))
			}
			if day == 20 {
				add(at.Add(8*time.Hour), storetest.Membership(events.VerbDeleted, space, other, ""))
			}
			thread := fmt.Sprintf("T%d%s", day, space[7:])
			post := func(name, sender, kind string, at time.Time) string {
				it := storetest.Message(events.VerbCreated, space+"/messages/"+thread+"."+name, sender, "hello", at, at)
				it.Message.Thread, it.Message.Sender.Type = space+"/threads/"+thread, events.UserType(cmp.Or(kind, string(events.UserHuman)))
				add(at, it)
				return it.Resource
			}
			root := post(thread, user, "", at)
			if day%3 > 0 {
				post("answer", other, "", at.Add(time.Duration(day)*time.Minute))
			}
			if day%5 == 0 {
				post("app", "users/app", "BOT", at.Add(time.Second))
			}
			add(at.Add(2*time.Hour), storetest.Reaction(events.VerbCreated, root, other, "🎉"))
		}
	}
	storetest.Record(t, env, list...)
	// The keeper of then, and a rule.
	if _, err := env.Pool().Exec(t.Context(), `
		INSERT INTO coverage (scope, from_time, to_time, source, cause, repair)
		SELECT s, b, b + interval '10 days', 'live', NULL, NULL FROM unnest(ARRAY['spaces/A', 'spaces/B']) AS s, CAST($1 AS timestamptz) AS b
		UNION ALL
		SELECT s, b + interval '10 days', b + interval '12 days', 'gap', 'expired', 'impossible' FROM unnest(ARRAY['spaces/A', 'spaces/B']) AS s, CAST($1 AS timestamptz) AS b
		UNION ALL
		SELECT s, b + interval '12 days', NULL, 'live', NULL, NULL FROM unnest(ARRAY['spaces/A', 'spaces/B']) AS s, CAST($1 AS timestamptz) AS b`, begin); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Pool().Exec(t.Context(), `
		INSERT INTO reactor_runs (event_time, due_at, reactor, subject, trigger, hash, space, member, outcome, finished_at)
		SELECT t, t, 'welcome', s || n, 'member.joined', '', s, 'users/' || n, CASE WHEN n < 5 THEN 'sent' ELSE 'failed' END, t + interval '3 seconds'
		FROM unnest(ARRAY['spaces/A', 'spaces/B']) AS s, generate_series(0, 6) AS n, LATERAL (SELECT $1::timestamptz + n * interval '1 day') AS b (t)`, begin); err != nil {
		t.Fatal(err)
	}
	for range 3 { // what is read from messages rests between two passes of one process
		if _, err := analytics.New(env.Store).Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// The planner is told of millions of rows, of a thousand spaces, and of years
	// before the five weeks.
	if _, err := env.Pool().Exec(t.Context(), strings.ReplaceAll(`
		DO $$
		DECLARE
			change text;
		BEGIN
			FOR change IN
				SELECT format('ALTER TABLE %s ALTER COLUMN space_id SET (n_distinct = 1000, n_distinct_inherited = 1000)', c.oid::regclass)
				FROM pg_class c
				JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'space_id'
				WHERE c.relname ~ 'BIG' AND c.relkind IN ('r', 'p')
			LOOP
				EXECUTE change;
			END LOOP;
			FOR change IN
				SELECT format('INSERT INTO %1$I OVERRIDING SYSTEM VALUE
					SELECT f.* FROM (SELECT * FROM %1$I LIMIT 1) r, generate_series(1, 2000) i, LATERAL (SELECT date ''2020-01-01'' + i) d (day),
						LATERAL jsonb_populate_record(NULL::%1$I, to_jsonb(r) || jsonb_build_object(''activity_date'', day, ''cohort_week'', day,
							''hour_at'', day, ''known_at'', day, ''event_time'', day, ''space_id'', 1000 + i, ''user_id'', 1000 + i, ''id'', 1000 + i,
							''subject'', i)) f', relname)
				FROM pg_class
				WHERE relname ~ 'BIG' AND relname ~ '^(rollup_|reactor_runs)' AND relkind = 'r'
			LOOP
				EXECUTE change;
			END LOOP;
			ANALYZE;
			UPDATE pg_class SET reltuples = 5000000, relpages = 1 WHERE relname ~ 'BIG';
			UPDATE pg_class SET reltuples = 1000, relpages = 1 WHERE relname IN ('spaces', 'subscription_states', 'coverage');
			UPDATE pg_class SET reltuples = 100000, relpages = 1 WHERE relname = 'users';
		END
		$$`, "BIG", big.String())); err != nil {
		t.Fatal(err)
	}
}
