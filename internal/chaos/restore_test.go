package chaos

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/reconcile"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// A backup is restored into a new database, as docs/backup.md says. What was
// recorded after it was made is gone, and acked. The worker sees that, and fetches
// it. Nobody is welcomed again, nor are those who waited for it in the backup.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s isn't installed: no backup was restored", name)
		}
	}
	env := newEnvironment(t, simulate.Options{Seed: 22, Spaces: 3, Users: 10})
	var spaces []string
	for _, s := range env.Spaces() {
		spaces = append(spaces, s.Name)
	}
	settings := []string{
		"SPACEKEEPER_PUBSUB_TOPIC=chat-events", "SPACEKEEPER_WORKSPACE_SPACES=" + strings.Join(spaces, ","),
		rulesSetting(t, strings.Replace(welcome, "max_age: 10m", "max_age: 10m\n    wait: 12s", 1)),
	}
	join := func() {
		t.Helper()
		for _, space := range spaces {
			if err := env.AddMembers(space, env.addUsers(2)...); err != nil {
				t.Fatal(err)
			}
		}
		env.Flush()
	}
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}

	p := env.startWorker(t, settings...)
	eventually(t, 30*time.Second, "all spaces are watched", func() bool {
		return env.query(t, `SELECT count(*) FROM coverage, worker_heartbeats WHERE database_id IS NOT NULL`) == len(spaces)
	})
	join()
	eventually(t, 30*time.Second, "people wait for their welcome", func() bool {
		return env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'pending'`) > 0
	})
	backup := filepath.Join(t.TempDir(), "spacekeeper.dump")
	run("pg_dump", "--format=custom", "--file="+backup, env.db.DSN)
	join()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := reconcile.Drain(ctx, env.db.Pool(), env.Broker(), env.subscription); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(t, syscall.SIGTERM, 25*time.Second); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
	recorded := env.query(t, `SELECT count(*) FROM events`)

	dsn := storetest.EmptyDSN(t)
	run("pg_restore", "--exit-on-error", "--dbname="+dsn, backup)
	env.db = storetest.Open(t, dsn, storetest.Options{MaxConns: 2})
	restored, waiting := env.query(t, `SELECT count(*) FROM events`), env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'pending'`)
	if restored >= recorded || waiting == 0 {
		t.Fatalf("the backup has %d of %d events, and %d wait for their welcome: the test shows nothing", restored, recorded, waiting)
	}
	env.startWorker(t, settings...)
	eventually(t, time.Minute, "what the backup lacks has been fetched", func() bool {
		return env.query(t, `SELECT count(*) FROM coverage WHERE cause = 'restored' AND source = 'backfill'`) == len(spaces)
	})
	// What the backup holds as begun is rescued a minute later.
	env.wantAllExact(t, 3*time.Minute)
}
