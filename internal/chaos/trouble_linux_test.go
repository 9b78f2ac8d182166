package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Rows D3 and D6: a database that is there and takes nothing. The worker says
// why within seconds, holds what it has, and goes on by itself when that is mended.
func TestDatabaseInTrouble(t *testing.T) {
	t.Parallel()
	dir, small := smallDisk(t)
	pg, err := localpg.Start(t.Context(), localpg.Options{Dir: dir, Private: true, Settings: map[string]string{
		"max_connections": "30", "min_wal_size": "32MB", "max_wal_size": "48MB",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Migrate(t.Context(), pg.DSN()); err != nil {
		t.Fatal(err)
	}
	env := newEnvironmentOn(t, pg.DSN(), simulate.Options{Seed: 21, Spaces: 5, Users: 50})
	p := env.startWorker(t, withHealth)
	ready := p.readiness(t)
	exec := func(sql ...string) {
		t.Helper()
		for _, s := range sql {
			if _, err := env.db.Pool().Exec(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	space := env.Spaces()[0].Name
	join := func() {
		t.Helper()
		for _, s := range env.Spaces() {
			if err := env.AddMembers(s.Name, env.addUsers(1)...); err != nil {
				t.Fatal(err)
			}
		}
		env.Flush()
	}
	for _, trouble := range []struct {
		name, says string
		cause      func() (mend func())
	}{
		{"it is read-only", "the database is read-only", func() func() {
			exec(`ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`)
			return func() { exec(`ALTER SYSTEM RESET default_transaction_read_only`, `SELECT pg_reload_conf()`) }
		}},
		{"it has no connection left", "too many clients already", func() func() { return env.takeConnections(t) }},
		{"its disk is full", "No space left on device", func() func() {
			filler := filepath.Join(dir, "filler")
			fillDisk(t, filler)
			return func() {
				if err := os.Remove(filler); err != nil {
					t.Error(err)
				}
				// It may have ended with its disk, where somebody starts it again.
				if err := env.db.Pool().Ping(t.Context()); err != nil {
					if err := pg.Restart(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
		}},
	} {
		if trouble.says == "No space left on device" && !small {
			t.Log("no small disk can be mounted here: a full one was not tried")
			continue
		}
		acked := env.stats(t).Acked
		join()
		eventually(t, time.Minute, "events are recorded", func() bool { return env.stats(t).Acked > acked && ready() == nil })
		began := time.Now()
		mend := trouble.cause()
		join()
		eventually(t, 30*time.Second, "the worker says that "+trouble.name, func() bool {
			// A few events may still find room in pages that are there.
			if _, err := env.Post(space, env.Members(space)[0], strings.Repeat("more ", 200)); err != nil {
				t.Fatal(err)
			}
			err := ready()
			return err != nil && strings.Contains(err.Error(), trouble.says)
		})
		said := time.Since(began)
		after(t, scaled(0, time.Minute))
		acked = env.stats(t).Acked
		mend()
		began = time.Now()
		eventually(t, time.Minute, "events are recorded again", func() bool { return env.stats(t).Acked > acked && ready() == nil })
		t.Logf("%s: said after %s, recorded again %s after it was mended", trouble.name, said, time.Since(began))
	}
	env.wantAllExact(t, 3*time.Minute)
	if s := env.stats(t); s.Nacked != 0 || s.DeadLettered != 0 || s.Expired != 0 {
		t.Errorf("nacked %d, dead-lettered %d, expired %d, want none", s.Nacked, s.DeadLettered, s.Expired)
	}
	if err := p.stop(t, syscall.SIGTERM, 25*time.Second); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
}

// takeConnections leaves no connection to anybody, the worker included.
func (env *environment) takeConnections(t *testing.T) (free func()) {
	t.Helper()
	var taken []*pgx.Conn
	for {
		conn, err := pgx.Connect(t.Context(), env.db.DSN+"&application_name=taken")
		if err == nil {
			taken = append(taken, conn)
			continue
		}
		var full *pgconn.PgError
		if !errors.As(err, &full) || full.Code != "53300" || len(taken) == 0 {
			t.Fatal(err)
		}
		var ended int
		if err := taken[0].QueryRow(t.Context(), `
			SELECT count(*)
			FROM (
				SELECT pg_terminate_backend(pid, 5000)
				FROM pg_stat_activity
				WHERE backend_type = 'client backend' AND application_name <> 'taken'
			) others`).Scan(&ended); err != nil {
			t.Fatal(err)
		}
		if ended == 0 {
			break
		}
	}
	return func() {
		for _, conn := range taken {
			if err := conn.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		env.db.Pool().Reset()
	}
}

// smallDisk is a folder for a database. Where the system lets us mount one it
// has a disk of its own that is soon full.
func smallDisk(t *testing.T) (dir string, small bool) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "spacekeeper-disk-") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	small = syscall.Mount("none", dir, "tmpfs", 0, "size=192m") == nil
	t.Cleanup(func() {
		if small {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir, small
}

// fillDisk writes until nothing more fits.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zeros := make([]byte, 1<<16)
	for err == nil {
		_, err = f.Write(zeros)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
