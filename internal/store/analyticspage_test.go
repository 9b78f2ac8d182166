package store_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		ORDER BY p.proname`), "")
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
	s := storetest.New(t, storetest.Options{Now: clock})
	known(t, s)
	if _, err := s.Pool().Exec(t.Context(), `UPDATE spaces SET threading_state = 'THREADED_MESSAGES' WHERE space = 'spaces/S'`); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"Who deleted what": {"45 space_owner users/zoe spaces/S/messages/U.U"},
		"What messages of a space said before they were edited or deleted": {
			answer + " 20 live yo", "spaces/S/messages/U.U 40 live oops", "spaces/S/messages/U.U 41 live ooops"},
		"Members of a space at a time":                        {"users/ann 2", "users/bob 3", "users/zoe 4"},
		"Members of a space from outside of the organization": {"users/zoe ROLE_MEMBER 4"},
		"Threads that nobody has answered":                    {"spaces/S/messages/V.V users/ann 46"},
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
