package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// transcript is what somebody at a terminal would see.
func transcript(args []string, code int, stdout, stderr string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ subscriber %s\n%s", strings.Join(args, " "), stdout)
	for line := range strings.Lines(stderr) {
		b.WriteString("2> " + line)
	}
	fmt.Fprintf(&b, "(exit %d)\n\n", code)
	return b.String()
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	var seen strings.Builder
	for _, args := range [][]string{
		{},
		{"rum"},
		{"run", "now"},
		{"run", "--dry-run"},
		{"demo", "--rate", "0", "--spaces", "0", "--for", "-1s", "--sabotage", "everything"},
		{"demo", "--for", "long"},
		{"demo", "--history", "3d"},
		{"simulate", "--spaces", "0"},
		{"migrate"},
		{"migrate", "down"},
		{"migrate", "up", "2"},
		{"healthcheck", "now"},
		{"version", "2"},
	} {
		code, stdout, stderr := call(t, nil, args...)
		if code != cli.Misused {
			t.Errorf("subscriber %s: got exit code %d, want %d", strings.Join(args, " "), code, cli.Misused)
		}
		seen.WriteString(transcript(args, code, stdout, stderr))
	}
	golden(t, "wrong-use", seen.String())
}

func TestWrongConfiguration(t *testing.T) {
	t.Parallel()
	var seen strings.Builder
	for _, tt := range []struct {
		env  environ
		args []string
	}{
		{nil, []string{"run"}},
		{nil, []string{"migrate", "status"}},
		{nil, []string{"run", "--config", "testdata/absent.yaml"}},
		{environ{"SPACEKEEPER_LOG_LEVEL": "loud"}, []string{"run", "--config", "testdata/wrong.yaml"}},
		{nil, []string{"healthcheck", "--config", "testdata/wrong.yaml"}},
	} {
		code, stdout, stderr := call(t, tt.env, tt.args...)
		if code != cli.Misconfigured {
			t.Errorf("subscriber %s: got exit code %d, want %d", strings.Join(tt.args, " "), code, cli.Misconfigured)
		}
		seen.WriteString(transcript(tt.args, code, stdout, stderr))
	}
	if strings.Contains(seen.String(), "hunter2") {
		t.Error("a password was printed")
	}
	golden(t, "wrong-configuration", seen.String())
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"version", "--version"} {
		code, stdout, stderr := call(t, nil, arg)
		if code != cli.OK || stderr != "" || !regexp.MustCompile(`^subscriber version \S+( \(\S+, \S+\))? go1\.\S+\n$`).MatchString(stdout) {
			t.Errorf("%s: got exit code %d, %q and %q", arg, code, stdout, stderr)
		}
	}
}

// An image from scratch has no certificates of authorities: the binary brings them.
func TestAuthoritiesWithoutAnyOnTheMachine(t *testing.T) {
	t.Parallel()
	if os.Getenv("SSL_CERT_FILE") == "testdata/absent" {
		pool, err := x509.SystemCertPool()
		if err != nil || pool.Equal(x509.NewCertPool()) {
			t.Fatalf("there are no certificates (%v)", err)
		}
		return
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	again.Env = append(os.Environ(), "SSL_CERT_FILE=testdata/absent", "SSL_CERT_DIR=testdata/absent")
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	env := environ{"SPACEKEEPER_DATABASE_DSN": bareDatabase(t)}
	when := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`)
	var seen strings.Builder
	for _, args := range [][]string{
		{"migrate", "status"}, {"migrate", "up"}, {"migrate", "status"}, {"migrate", "up"},
	} {
		code, stdout, stderr := call(t, env, args...)
		if code != cli.OK {
			t.Errorf("subscriber %s: got exit code %d", strings.Join(args, " "), code)
		}
		seen.WriteString(transcript(args, code, when.ReplaceAllString(stdout, "TIME"), stderr))
	}
	golden(t, "migrate", seen.String())
}

// A role that may not make the tables, or change them, is told what to grant.
func TestMigrateWithoutRights(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ dsn, want string }{
		"no schema":     {bareDatabase(t), `may not make tables: as the owner of the database spacekeeper_test_\S+, GRANT CREATE ON SCHEMA public TO (ROLE)\n$`},
		"another's one": {migratedDatabase(t), `may not change the tables, which are \S+'s: migrate as that role, or GRANT \S+ TO (ROLE)\n$`},
	} {
		role := storetest.NewRole(t)
		code, _, stderr := call(t, environ{"SPACEKEEPER_DATABASE_DSN": storetest.WithRole(tt.dsn, role)}, "migrate", "up")
		want := "^subscriber: the role ROLE " + tt.want
		if code != cli.Misconfigured || !regexp.MustCompile(want).MatchString(strings.ReplaceAll(stderr, role, "ROLE")) {
			t.Errorf("%s: exit code %d, and it says %q, want %s", name, code, stderr, want)
		}
	}
}

// secret writes a password file.
func secret(t *testing.T, password string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var closedPorts atomic.Int32

// closedPort is an address where nothing listens. Systems give no port of these
// away, as they would give one that is free again to the test beside.
func closedPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+(os.Getpid()*17+int(closedPorts.Add(1)))%10_000)
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

func TestDatabaseThatCannotBeReached(t *testing.T) {
	t.Parallel()
	addr := closedPort(t)
	base := environ{
		"SPACEKEEPER_PROJECT": "some-project", "SPACEKEEPER_PUBSUB_SUBSCRIPTION": "spacekeeper",
		"PUBSUB_EMULATOR_HOST": addr, "SPACEKEEPER_CHAT_ENDPOINT": "http://" + addr,
		"SPACEKEEPER_DATABASE_DSN":           "postgres://keeper@" + addr + "/spaces",
		"SPACEKEEPER_DATABASE_PASSWORD_FILE": secret(t, "hunter2"),
	}
	missing := storetest.WithDatabase(bareDatabase(t), "absent_one")
	for _, tt := range []struct {
		name string
		env  environ
		args []string
		want []string
	}{
		{
			"migrate up", base, []string{"migrate", "up"},
			[]string{addr, `database "spaces"`, `user "keeper"`, "is Postgres running there?", "database.dsn"},
		},
		{"migrate status", base, []string{"migrate", "status"}, []string{addr, "is Postgres running there?"}},
		{
			"no such database", base.with("SPACEKEEPER_DATABASE_DSN", missing), []string{"migrate", "status"},
			[]string{`database "absent_`, "does not exist", "create it, or correct database.dsn"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := call(t, tt.env, tt.args...)
			if code != cli.Failed {
				t.Errorf("got exit code %d, want %d", code, cli.Failed)
			}
			last := stderr[strings.LastIndex(strings.TrimSpace(stderr), "\n")+1:]
			for _, want := range tt.want {
				if !strings.Contains(last, want) {
					t.Errorf("the error does not say %q:\n%s", want, last)
				}
			}
			if strings.Contains(stdout+stderr, "hunter2") {
				t.Errorf("a password was printed:\n%s%s", stdout, stderr)
			}
		})
	}
}
