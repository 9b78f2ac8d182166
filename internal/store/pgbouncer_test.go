//go:build unix

package store_test

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// PgBouncer itself, in the mode that breaks what rests on a session and in the one
// that doesn't: neither keeps the settings that a session begins with.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	for mode, ignored := range map[string]string{"transaction": "", "session": "statement_timeout,idle_in_transaction_session_timeout," +
		"default_transaction_isolation,lock_timeout,jit,options,search_path"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dsn := pgBouncer(t, storetest.NewDSN(t), "pool_mode = "+mode, "ignore_startup_parameters = "+ignored)
			s, err := store.Open(t.Context(), dsn, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.CheckSchema(t.Context()); !store.ByPooler(err) {
				t.Errorf("CheckSchema: %v isn't taken for a pooler's", err)
			}
			if err := store.Migrate(t.Context(), dsn); !store.ByPooler(err) {
				t.Errorf("Migrate: %v isn't taken for a pooler's", err)
			}
		})
	}
}

// pgBouncer puts PgBouncer before the database and returns the way through it.
func pgBouncer(t *testing.T, dsn string, settings ...string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		t.Skip("PgBouncer isn't installed (Debian: apt-get install pgbouncer): it was not tried")
	}
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if c.Password != "" {
		t.Skip("the database of the environment wants a password: PgBouncer was not tried")
	}
	dir, err := os.MkdirTemp("/tmp", "spacekeeper-pgbouncer-") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // another user's PgBouncer writes there
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, fmt.Appendf(nil, `[databases]
* = host=%s port=%d user=%s
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %s
auth_type = any
%s
`, c.Host, c.Port, c.User, dir, strings.Join(settings, "\n")), 0o644); err != nil { //nolint:gosec // it holds no secret
		t.Fatal(err)
	}
	args := []string{file}
	if os.Getuid() == 0 { // it refuses to be root, and only the server's user may open its socket
		args = append([]string{"-u", ownerOf(t, c.Host)}, args...)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewScanner(stderr)
	for !strings.Contains(said.String(), "process up") && lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
	}
	var rest sync.WaitGroup
	rest.Go(func() { _, _ = io.Copy(io.Discard, stderr) })
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		rest.Wait()
		_ = cmd.Wait()
	})
	if lines.Err() != nil || !strings.Contains(said.String(), "process up") {
		t.Fatalf("PgBouncer doesn't start: %v\n%s", lines.Err(), said.String())
	}
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=6432", c.User, c.Database, url.QueryEscape(dir))
}

func ownerOf(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := user.LookupId(fmt.Sprint(info.Sys().(*syscall.Stat_t).Uid))
	if err != nil {
		t.Fatal(err)
	}
	return owner.Username
}
