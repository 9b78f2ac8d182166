package storetest

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// PgBouncer puts PgBouncer before the database and returns the way through it.
func PgBouncer(t testing.TB, dsn string, settings ...string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		t.Skip("PgBouncer isn't installed (Debian: apt-get install pgbouncer): it was not tried")
	}
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if c.Password != "" || !filepath.IsAbs(c.Host) {
		t.Skip("the database of the environment is reached by no socket, or wants a password: PgBouncer was not tried")
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
		owner, err := exec.CommandContext(t.Context(), "stat", "-c", "%U", c.Host).Output()
		if err != nil {
			t.Fatal(err)
		}
		args = append([]string{"-u", strings.TrimSpace(string(owner))}, args...)
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
