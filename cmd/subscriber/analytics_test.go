package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestAnalyticsExport(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	now := time.Now()
	storetest.Record(t, storetest.Open(t, dsn, storetest.Options{}),
		storetest.Interaction("i", now.Add(-time.Hour), "users/U", "Ann", "spaces/S", "Team"),
		storetest.Live("e", now, storetest.Message(events.VerbCreated, "spaces/S/messages/M", "users/U", "=1+1", now, now)))
	env := environ{"SPACEKEEPER_DATABASE_DSN": dsn}
	code, stdout, stderr := call(t, env, "analytics", "export", "fct_messages", "--since", "1d", "--space", "team")
	if code != cli.OK || stderr != "1 row\n" || !strings.HasPrefix(stdout, "message_id,space_id,member_id,") || !strings.HasSuffix(stdout, ",\"'=1+1\"\n") {
		t.Errorf("exit code %d, %q and\n%s", code, stderr, stdout)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "rows.parquet")
	code, stdout, stderr = call(t, env, "analytics", "export", "dim_spaces", "--format", "parquet", "-o", file)
	if text, err := os.ReadFile(file); code != cli.OK || stdout != "" || stderr != "1 row\n" || err != nil || !strings.HasPrefix(string(text), "PAR1") {
		t.Errorf("exit code %d, %q, %q: %v", code, stdout, stderr, err)
	}
	for want, args := range map[string][]string{
		"did you mean fct_messages?":             {"fct_mesages", "-o", filepath.Join(dir, "none.csv")},
		`did you mean "Team"?`:                   {"fct_messages", "--space", "Taem", "-o", filepath.Join(dir, "none.csv")},
		`--until "2026-11-01T00:00:00Z" is not`:  {"fct_messages", "--since", "2026-11-02", "--until", "2026-11-01"},
		"dim_members has no times: leave out":    {"dim_members", "--since", "1d"},
		"want one of csv, jsonl, parquet (see -": {"fct_messages", "--format", "xlsx"},
	} {
		code, stdout, stderr = call(t, env, append([]string{"analytics", "export"}, args...)...)
		if code != cli.Misused || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("%d files are left: %v", len(list), err)
	}
}

// The rights of a reader are enough to read numbers and rows, and show what they are for
// and no more.
func TestReaders(t *testing.T) {
	t.Parallel()
	dsn, nobody := migratedDatabase(t), storetest.NewRole(t)
	db := storetest.Open(t, dsn, storetest.Options{})
	if err := roles.Create(t.Context(), db.Store, []roles.Group{{Name: "teams", Spaces: []string{"spaces/S"}}}); err != nil {
		t.Fatal(err)
	}
	for _, space := range []string{"S", "B"} {
		at, user, name := time.Now().Add(-30*time.Hour), "users/"+space, map[string]string{"S": "Team", "B": "Board"}[space]
		storetest.Record(t, db, storetest.Interaction("i"+space, at, user, "Member of "+name, "spaces/"+space, name),
			storetest.Live("e"+space, at, storetest.Message(events.VerbCreated, "spaces/"+space+"/messages/M", user, "secret", at, at)))
	}
	for rollups, more := analytics.New(db.Store), true; more; {
		var err error
		if more, err = rollups.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	group := roles.Group{Name: "teams"}.Reader()
	for _, c := range []struct {
		role, args string
		code       int
		want       string
	}{
		{roles.Reader, "stats -o csv --svg " + t.TempDir(), cli.OK, "\nmembers,growth,"},
		{roles.Reader, "stats --space Board", cli.OK, "Board"},
		{roles.Reader, "analytics export fct_messages", cli.OK, "spaces/B/messages/M,spaces/B,users/B,"},
		{roles.Reader, "tail", cli.Misconfigured, "the role spacekeeper_reader may not: run it as a member of spacekeeper_worker"},
		{roles.Reader, "analytics rebuild", cli.Misconfigured, "lacks SELECT on goose_db_version"},
		{group, "stats", cli.Misused, `no numbers of all together: name one, such as --space "Team"`},
		{group, "stats --space team", cli.OK, "Team"},
		{group, "stats --space spaces/B", cli.Misused, "no such space is known: did you mean spaces/S?"},
		{group, "analytics export fct_messages --space Board", cli.Misused, `--space "Board"`},
		{group, "analytics export fct_messages", cli.OK, "spaces/S/messages/M,spaces/S,users/S,"},
		{group, "analytics export dim_spaces", cli.OK, "\nspaces/S,Team,"},
		{group, "analytics export agg_activity_member_daily", cli.OK, "0 rows"},
		{group, "tail", cli.Misconfigured, "run it as a member of spacekeeper_worker"},
		{nobody, "stats", cli.Misconfigured, "may not read the schema analytics: make it a member of spacekeeper_reader"},
	} {
		code, stdout, stderr := call(t, environ{"SPACEKEEPER_DATABASE_DSN": storetest.WithRole(dsn, c.role)}, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%s, %s: exit code %d, %s%s, want %d and %q", c.role, c.args, code, stdout, stderr, c.code, c.want)
		}
		for _, hidden := range []string{"spaces/B/", "users/B", "of Board", "secret"} {
			if strings.Contains(stdout+stderr, hidden) && (c.role == group || hidden == "secret") {
				t.Errorf("%s, %s: shows %q:\n%s%s", c.role, c.args, hidden, stdout, stderr)
			}
		}
	}
	if _, err := db.Pool().Exec(t.Context(), `UPDATE schema_compatibility SET oldest_binary = 1000`); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{dsn: "run a newer binary", bareDatabase(t): "the database has no schema yet"} {
		code, _, stderr := call(t, environ{"SPACEKEEPER_DATABASE_DSN": storetest.WithRole(address, roles.Reader)}, "stats")
		if code != cli.Misconfigured || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, %s, want %q", code, stderr, want)
		}
	}
}
