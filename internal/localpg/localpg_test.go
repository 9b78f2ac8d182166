package localpg

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// testTimeout is far beyond what any step takes.
const testTimeout = 2 * time.Minute

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	opts.Private, opts.Memory = true, true
	opts.Contents = cmp.Or(opts.Contents, "nothing")
	s, err := Start(testContext(t), opts)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
	return s
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(testContext(t), dsn)
	if err != nil {
		t.Fatalf("connect to %s: %v", dsn, err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// query returns the one text that sql selects.
func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn := connect(t, dsn)
	defer conn.Close(testContext(t))
	var got string
	if err := conn.QueryRow(testContext(t), sql).Scan(&got); err != nil {
		t.Fatalf("query %q: %v", sql, err)
	}
	return got
}

// reachableTempDir is t.TempDir() for a server that runs as another user.
func reachableTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "spacekeeper-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestStartIsLikeProduction(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Settings: map[string]string{"work_mem": "7MB"}})
	for setting, want := range map[string]string{
		"fsync":              "on",
		"synchronous_commit": "on",
		"full_page_writes":   "on",
		"timezone":           "UTC",
		"server_encoding":    "UTF8",
		"work_mem":           "7MB",
	} {
		if got := query(t, s.DSN(), "SHOW "+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	if got := query(t, s.DSN(), "SELECT current_database() || ' ' || current_user"); got != Database+" "+User {
		t.Errorf("database and user = %q", got)
	}
	if s.External() {
		t.Error("External() = true for a private server")
	}
	if memory := memoryDir(); !strings.HasPrefix(s.cluster.dir, memory) {
		t.Errorf("the folder is %s, and not in %s", s.cluster.dir, memory)
	}
	info, err := os.Stat(s.cluster.dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 && runtime.GOOS != "windows" {
		t.Errorf("mode of the socket's folder = %o, want 700", got)
	}
}

func TestDirIsKeptAndReused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(reachableTempDir(t), "kept")
	first := start(t, Options{Dir: dir})
	connect(t, first.DSN()).Exec(testContext(t), "CREATE TABLE kept AS SELECT 'still here' AS word")
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	// The other way to listen has to work on a database that was made for a socket.
	second := start(t, Options{Dir: dir, TCP: true})
	if got := query(t, second.DSN(), "SELECT word FROM kept"); got != "still here" {
		t.Errorf("word = %q", got)
	}
}

func TestOneServerPerDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(reachableTempDir(t), "busy")
	first := start(t, Options{Dir: dir})
	_, err := Start(testContext(t), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another server runs on this folder") || !strings.Contains(err.Error(), dir) {
		t.Errorf("Start on a busy folder = %v, want an error that says so and names it", err)
	}
	if got := query(t, first.DSN(), "SELECT 'alive'"); got != "alive" {
		t.Errorf("first server = %q", got)
	}
}

func TestTCPNeedsPasswordAndKeepsAddress(t *testing.T) {
	t.Parallel()
	s := start(t, Options{TCP: true})
	if s.Addr() == "" || !strings.Contains(s.DSN(), s.Addr()) {
		t.Errorf("Addr() = %q, DSN() without it", s.Addr())
	}
	config, err := pgx.ParseConfig(s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	config.Password = "guess"
	if _, err := pgx.ConnectConfig(testContext(t), config); err == nil || !strings.Contains(err.Error(), "password authentication failed") {
		t.Errorf("connect with a wrong password = %v", err)
	}
	began := query(t, s.DSN(), "SELECT pg_postmaster_start_time()::text")
	if err := s.Restart(testContext(t)); err != nil {
		t.Fatalf("Restart: %v", err)
	}
	if got := query(t, s.DSN(), "SELECT pg_postmaster_start_time()::text"); got == began {
		t.Errorf("start time after Restart is still %s", got)
	}
}

func TestBadStartsAreExplained(t *testing.T) {
	t.Parallel()
	long := filepath.Join(reachableTempDir(t), strings.Repeat("long", 30))
	tests := map[string]struct {
		opts Options
		want string
	}{
		"unknown setting": {Options{Settings: map[string]string{"no_such_setting": "1"}}, "no_such_setting"},
		"long path":       {Options{Dir: long}, "too long a path for a unix socket"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.opts.Private = true
			s, err := Start(testContext(t), test.opts)
			if err == nil {
				_ = s.Stop()
				t.Fatal("Start succeeded")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("Start = %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestOtherVersionsDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(reachableTempDir(t), "old")
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(testContext(t), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "written by PostgreSQL 8") {
		t.Errorf("Start = %v, want an error that names the version", err)
	}
}

func TestEnvironmentsDatabaseIsUsed(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://elsewhere/one")
	t.Setenv("TEST_DATABASE_URL", "postgres://elsewhere/two")
	s, err := Start(testContext(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.DSN(), "postgres://elsewhere/two"; got != want || !s.External() {
		t.Errorf("DSN() = %q, External() = %v, want %q, true", got, s.External(), want)
	}
	if err := s.Kill(); !errors.Is(err, ErrExternal) {
		t.Errorf("Kill = %v, want ErrExternal", err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("Stop = %v", err)
	}
}
