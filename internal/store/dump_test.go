package store_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// A database that was dumped and restored holds what it held, knows what comes
// again, and goes on as the other would.
func TestDumpAndRestore(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock})
	mix := storetest.NewMix(1)
	first, next := mix.Batch(400), mix.Batch(400)
	storetest.Record(t, s, first...)
	restored := storetest.EmptyDSN(t)
	binary, file := pgDump(t), filepath.Join(t.TempDir(), "dump")
	run(t, binary, "--format=custom", "--file="+file, "--dbname="+s.DSN)
	run(t, filepath.Join(filepath.Dir(binary), "pg_restore"), "--exit-on-error", "--dbname="+restored, file)
	r := storetest.Open(t, restored, storetest.Options{Now: storetest.Clock})

	if diff := cmp.Diff(contents(t, s), contents(t, r)); diff != "" {
		t.Errorf("restored (-dumped +restored):\n%s", diff)
	}
	if o := storetest.Record(t, r, first...); slices.ContainsFunc(o, func(o events.Outcome) bool { return o != events.Duplicate }) {
		t.Errorf("what was recorded before the dump comes again: %v", o)
	}
	if diff := cmp.Diff(contents(t, s), contents(t, r)); diff != "" {
		t.Errorf("what was recorded changed it (-dumped +restored):\n%s", diff)
	}
	for _, e := range []*storetest.Env{s, r} {
		storetest.Record(t, e, next...)
	}
	got := contents(t, r)
	if diff := cmp.Diff(contents(t, s), got); diff != "" {
		t.Errorf("further events (-in the first +in the restored):\n%s", diff)
	}
	if n := storetest.Value[int](t, r, `SELECT count(*) FROM events`); n != len(first)+len(next) || len(got) < 30 {
		t.Errorf("%d events in %d tables", n, len(got))
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// contents tells of each table, and of each view of analysts' facts, what its rows are, in any order.
func contents(t *testing.T, s *storetest.Env) []string {
	t.Helper()
	return storetest.Column(t, s, `
		SELECT format('%s: %s', c.relname, (xpath('/row/rows/text()', query_to_xml(
			format('SELECT count(*) || '' '' || COALESCE(md5(string_agg(%1$s, '','' ORDER BY %1$s)), '''') AS rows FROM %2$s t',
				CASE c.relname WHEN 'proof_pending' THEN 'length(entries)::text' ELSE 't::text' END, c.oid::regclass), -- it has random salts
			false, true, '')))[1])
		FROM pg_class c
		WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
			OR c.relnamespace = 'analytics'::regnamespace AND c.relname ~ '^(dim|fct)_'
		ORDER BY 1`)
}
