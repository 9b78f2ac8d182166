package store_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

const (
	analyticsPage = "../../docs/analytics.md"
	referenceHead = "## Reference\n\nGenerated from the comments in the database: `go test ./internal/store -run TestAnalyticsPage -update`.\n"
)

// The page about the schema analytics says what the comments on it say.
func TestAnalyticsPage(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{})
	got, err := os.ReadFile(analyticsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(got), referenceHead)
	if !found {
		t.Fatalf("%s has no %q", analyticsPage, referenceHead)
	}
	want := head + referenceHead + strings.Join(column(t, s, `
		SELECT format(E'\n### %s\n\n%s\n\n| column | type | meaning |\n|---|---|---|\n', c.relname, replace(obj_description(c.oid, 'pg_class'), '|', '\|'))
			|| string_agg(format(E'| `+"`%s` | %s"+` | %s |\n', a.attname, format_type(a.atttypid, a.atttypmod), replace(col_description(c.oid, a.attnum), '|', '\|')),
				'' ORDER BY a.attnum)
		FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
		WHERE c.relnamespace = 'analytics'::regnamespace AND c.relkind = 'v'
		GROUP BY c.oid, c.relname
		ORDER BY CASE left(c.relname, 4) WHEN 'dim_' THEN 1 WHEN 'fct_' THEN 2 WHEN 'agg_' THEN 3 ELSE 4 END, c.relname`), "") +
		strings.Join(column(t, s, `
		SELECT format(E'\n### %s()\n\n`+"`%s`"+`: %s\n', p.proname, pg_get_function_arguments(p.oid), obj_description(p.oid, 'pg_proc'))
		FROM pg_proc p
		WHERE p.pronamespace = 'analytics'::regnamespace
		ORDER BY p.proname`), "") +
		"\n### The metrics\n\n| metric | definition | unit | share or mean of | read from |\n|---|---|---|---|---|\n" + strings.Join(column(t, s, `
		SELECT format(E'| `+"`%s` | %s | %s | %s | %s"+` |\n', metric, definition, unit, denominator, needs)
		FROM analytics.metric_definitions`), "")
	if *updateSchema {
		if err := os.WriteFile(analyticsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not current; -update rewrites it (-want +got):\n%s", analyticsPage, diff)
	}
}

// Each question of the page about the schema analytics has one short query, which
// answers it.
func TestFifteenQuestions(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: func() time.Time { return at(5 * 24 * 3600) }}) // the week has ended
	known(t, s)
	if _, err := s.Pool().Exec(t.Context(), `UPDATE spaces SET threading_state = 'THREADED_MESSAGES' WHERE space = 'spaces/S'`); err != nil {
		t.Fatal(err)
	}
	if err := s.OpenGap(t.Context(), space, at(101), at(105), coverage.CauseSilentLoss); err != nil {
		t.Fatal(err)
	}
	rollups := analytics.New(s.Store)
	for worked := true; worked; {
		var err error
		if worked, err = rollups.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]string{
		"People active in a day, a week, four weeks":                   {"2026-11-20 3 3 3"},
		"Messages by space and day":                                    {"2026-11-20 spaces/D 1 0", "2026-11-20 spaces/S 4 1"},
		"How many who joined in a week were active in the weeks after": {"2026-11-16 0 1.00"},
		"Median time to the first answer, in seconds":                  {"10"},
		"Who deleted what":                                             {"45 space_owner users/zoe spaces/S/messages/U.U"},
		"What messages of a space said before they were edited or deleted": {
			answer + " 20 live yo", "spaces/S/messages/U.U 40 live oops", "spaces/S/messages/U.U 41 live ooops"},
		"Top emoji":                                           {"👍 1"},
		"Watched spaces in which nobody wrote":                {"spaces/S Sailors"},
		"Members of a space at a time":                        {"users/ann 2", "users/bob 3", "users/zoe 4"},
		"Members of a space from outside of the organization": {"users/zoe ROLE_MEMBER 4"},
		"What was not seen":                                   {"spaces/S 101 105 silent_loss pending"},
		"Messages by weekday and hour":                        {"5 12 5"},
		"Threads of a space that nobody has answered":         {"spaces/S/messages/V.V 46"},
		"Share of messages that apps sent":                    {"0.167"},
		"All that one person did":                             {"2026-11-20 spaces/S 1 1 0"},
	}
	text, err := os.ReadFile(analyticsPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range regexp.MustCompile("(?m)^(.*):\n\n```sql\n((?:.*\n)*?)```").FindAllStringSubmatch(string(text), -1) {
		question, query := q[1], q[2]
		if n := strings.Count(query, "\n"); n > 3 {
			t.Errorf("%s: %d lines", question, n)
		}
		if strings.Contains(regexp.MustCompile(`analytics\.\w+`).ReplaceAllString(query, ""), "stored_") {
			t.Errorf("%s: asks what is not promised", question)
		}
		if diff := cmp.Diff(want[question], rows(t, s, strings.TrimSuffix(strings.TrimSpace(query), ";"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", question, diff)
		}
		delete(want, question)
	}
	for question := range want {
		t.Errorf("%s: not on the page", question)
	}
}
