package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/demo"
)

// table wants the reconciliation in stdout, row by row.
func table(t *testing.T, stdout string, want map[string]string) {
	t.Helper()
	for what, verdict := range want {
		row := regexp.MustCompile(`(?m)^` + what + ` +\d+ +\d+ +(\d+) +(\d+) +(\d+) +(\w+)$`).FindStringSubmatch(stdout)
		if row == nil {
			t.Errorf("the table has no row %q", what)
			continue
		}
		if got := strings.Join(row[1:], " "); got != verdict {
			t.Errorf("%s: got %q, want %q (lost, unexpected, doubled)", what, got, verdict)
		}
	}
	if t.Failed() {
		t.Log(stdout)
	}
}

const exact = "0 0 0 exact"

func TestDemo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		code int
		want map[string]string
	}{
		{"exact", nil, cli.OK, map[string]string{
			"events": exact, "items of events": exact, "malformed messages": exact, "welcomes": exact,
		}},
		{"an event is dropped", []string{"--sabotage", demo.DropEvent}, cli.Failed, map[string]string{
			"events": "1 0 0 DIFFERS", "items of events": "1 0 0 DIFFERS", "malformed messages": exact,
		}},
		{"a welcome is doubled", []string{"--sabotage", demo.DoubleWelcome}, cli.Failed, map[string]string{
			"malformed messages": exact, "welcomes": "0 0 1 DIFFERS",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"demo", "--for", "3s", "--rate", "20", "--quiet"}, tt.args...)
			code, stdout, stderr := call(t, nil, args...)
			if code != tt.code {
				t.Errorf("got exit code %d, want %d: %s", code, tt.code, stderr)
			}
			table(t, stdout, tt.want)
			if said := strings.HasSuffix(stdout, "exact: nothing lost, nothing twice\n"); said != (tt.code == cli.OK) {
				t.Errorf("the last line is wrong:\n%s", stdout)
			}
			if tt.code == cli.Failed && !strings.Contains(stderr, "differs from what happened") {
				t.Errorf("the error does not say what is wrong: %s", stderr)
			}
		})
	}
}

// A kept database is exact again, with another seed and with the same.
func TestDemoOnAKeptDatabase(t *testing.T) {
	t.Parallel()
	// Not t.TempDir, which is closed to the user that the server runs as.
	parent, err := os.MkdirTemp("", "spacekeeper-demo-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(parent, 0o711); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "demo")
	for _, args := range [][]string{{}, {"--seed", "5"}, {}} {
		code, stdout, stderr := call(t, nil, append([]string{"demo", "--for", "1s", "--rate", "20", "--data-dir", dir}, args...)...)
		if code != cli.OK {
			t.Errorf("demo %s: got exit code %d: %s", strings.Join(args, " "), code, stderr)
		}
		table(t, stdout, map[string]string{"events": exact, "items of events": exact, "welcomes": exact})
		if !strings.Contains(stdout, "  database  psql '") {
			t.Errorf("the demo doesn't say how to look:\n%s", stdout)
		}
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("the database is gone: %v", err)
	}
}

// A suspension, and an outage in which every subscription expires: what was
// missed is fetched, and the tale is told.
func TestDemoFaults(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := call(t, nil, "demo", "--for", "10s", "--rate", "20")
	if code != cli.OK {
		t.Errorf("got exit code %d: %s", code, stderr)
	}
	table(t, stdout, map[string]string{"events": exact, "items of events": exact, "welcomes": exact})
	for _, want := range []string{
		"‼ Google Chat may not publish", "✓ subscription reactivated", `✓ gap .* closed \(ENDPOINT_PERMISSION_DENIED\)`,
		"‼ the worker is stopped", "✓ subscription created anew", `✓ gap .* closed \(expired\)`,
	} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("nothing of %q is told:\n%s", want, stdout)
		}
	}
}

func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "demo", "--rate", "50")
	eventually(t, p, "an event is recorded", func() bool {
		return regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  `).MatchString(p.stdout.String())
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

// The demo never writes to a database that happens to be in the environment.
func TestDemoLeavesOtherDatabasesAlone(t *testing.T) {
	dsn := bareDatabase(t)
	t.Setenv("DATABASE_URL", dsn)
	t.Setenv("TEST_DATABASE_URL", dsn)
	if code, _, stderr := call(t, nil, "demo", "--for", "100ms", "--quiet"); code != cli.OK {
		t.Errorf("got exit code %d: %s", code, stderr)
	}
	if n := query[int](t, dsn, "SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace"); n != 0 {
		t.Errorf("there are %d tables and indexes in it", n)
	}
}

var export = regexp.MustCompile(`(?m)^export (\w+)=(.*)\n`)

// What simulate prints is all that setup and worker need.
func TestSimulate(t *testing.T) {
	t.Parallel()
	simulation := start(t, nil, "simulate", "--rate", "50",
		"--chat-addr", "127.0.0.1:0", "--workspace-events-addr", "127.0.0.1:0", "--pubsub-addr", "127.0.0.1:0")
	dsn := migratedDatabase(t)
	env := environ{"SPACEKEEPER_DATABASE_DSN": dsn, "SPACEKEEPER_HEALTH_ADDR": "off"}
	eventually(t, simulation, "the environment is printed", func() bool {
		for _, match := range export.FindAllStringSubmatch(simulation.stdout.String(), -1) {
			env[match[1]] = match[2]
		}
		return env["SPACEKEEPER_WORKSPACE_SPACES"] != ""
	})

	if n := len(subscribe(t, env)); n != 3 {
		t.Fatalf("%d subscriptions were created, want 3", n)
	}
	worker := start(t, env, "run")
	eventually(t, worker, "an event is recorded", func() bool {
		return query[int](t, dsn, "SELECT count(*)::int FROM events") > 0
	})
	if code := worker.stop(); code != cli.OK {
		t.Errorf("the worker's exit code is %d, want %d", code, cli.OK)
	}
	if code := simulation.stop(); code != cli.OK {
		t.Errorf("the simulation's exit code is %d, want %d", code, cli.OK)
	}
}
