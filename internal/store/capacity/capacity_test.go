package capacity_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/capacity"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

func TestRead(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	for _, sql := range []string{
		"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
		// What vacuum would write, of a log with that many events in it.
		"UPDATE pg_class SET reltuples = 7000000 WHERE oid = (SELECT min(inhrelid) FROM pg_inherits WHERE inhparent = 'events'::regclass)",
	} {
		if _, err := env.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	want := capacity.Settings{CheckpointTimeout: 5 * time.Minute, Events: 7_000_000}
	if err := env.Pool().QueryRow(t.Context(), `
		SELECT current_setting('fsync') = 'on', current_setting('autovacuum') = 'on', 1024 * 1024 * setting::bigint
		FROM pg_settings
		WHERE name = 'max_wal_size'`).Scan(&want.Fsync, &want.Autovacuum, &want.MaxWAL); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), env.DSN, store.Options{}) // whose connections go by that
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	got, err := capacity.Read(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
