package main

import (
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// A person acknowledges what can't be repaired; it stays, with the reason.
func TestGaps(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	env := environ{"SPACEKEEPER_DATABASE_DSN": dsn}
	var seen strings.Builder
	do := func(want int, args ...string) {
		t.Helper()
		code, stdout, stderr := call(t, env, args...)
		if code != want {
			t.Errorf("subscriber %s: got exit code %d, want %d", strings.Join(args, " "), code, want)
		}
		seen.WriteString(transcript(args, code, stdout, stderr))
	}
	do(cli.OK, "gaps", "list")
	query[int](t, dsn, `
		WITH gaps AS (
			INSERT INTO coverage (scope, from_time, to_time, source, cause, repair, detail)
			VALUES ('spaces/A', '2026-11-01T09:00Z', '2026-11-01T11:00Z', 'gap', 'expired', 'impossible', 'Google keeps events for 28 days'),
				('spaces/B', '2026-11-02T09:00Z', '2026-11-02T09:30Z', 'gap', 'missing', 'pending', NULL),
				('spaces/C', '2026-11-03T09:00Z', NULL, 'gap', 'APP_SCOPE_REVOKED', NULL, NULL)
			RETURNING 1)
		SELECT count(*)::int FROM gaps`)
	do(cli.OK, "gaps", "list")
	do(cli.Misused, "gaps", "acknowledge", "1")
	do(cli.Misused, "gaps", "acknowledge", "--reason", "x")
	do(cli.Misused, "gaps", "acknowledge", "one", "--reason", "x")
	do(cli.OK, "gaps", "acknowledge", "1", "--reason", "the move to the new project")
	do(cli.Failed, "gaps", "acknowledge", "2", "3", "4", "--reason", "all of them")
	do(cli.OK, "gaps", "list")
	do(cli.OK, "gaps", "list", "-o", "json")
	golden(t, "gaps", seen.String())
	if n := query[int](t, dsn, `SELECT count(*)::int FROM coverage_gaps WHERE state = 'acknowledged' AND acknowledgement LIKE 'the move%'`); n != 1 {
		t.Errorf("%d gaps are acknowledged, want 1", n)
	}
}
