package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
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
