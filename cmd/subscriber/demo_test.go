package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/demo"
)

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

// A difference is a failure of the command. The demo never writes to a database
// that happens to be in the environment.
func TestDemoDiffers(t *testing.T) {
	dsn := bareDatabase(t)
	t.Setenv("DATABASE_URL", dsn)
	t.Setenv("TEST_DATABASE_URL", dsn)
	code, _, stderr := call(t, nil, "demo", "--for", "2s", "--rate", "50", "--quiet", "--sabotage", demo.DropEvent)
	if code != cli.Failed || !strings.Contains(stderr, "differs from what happened") {
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
