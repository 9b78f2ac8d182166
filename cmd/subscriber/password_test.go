package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
)

// TestNoCommandShowsThePassword gives every command that opens the database a
// dsn_file that can't be read as it was meant.
func TestNoCommandShowsThePassword(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry"
	file := filepath.Join(t.TempDir(), "dsn")
	env := newWorkspace(t, "").env.with("SPACEKEEPER_DATABASE_DSN_FILE", file)
	// These open no database, or the configuration decides whether they do.
	without := []string{"demo", "simulate", "healthcheck", "version", "audit actions", "audit check", "audit key", "reactors lint", "reactors test", "reactors preview",
		"reactors schema"}
	names := leaves(newRoot(&environment{Env: cli.Env{}}), "")
	for _, dsn := range []string{
		"host=127.0.0.1 port=1 user=app password = " + canary + " is=mine",
		"host=127.0.0.1 port=1 user=app password=two " + canary,
		`host=127.0.0.1 port=x user=app password='it\'s ` + canary + "'",
		"postgres://app:12/" + canary + "@127.0.0.1:1/x",
		"postgres://app:%zz" + canary + "@127.0.0.1:1/x",
	} {
		if err := os.WriteFile(file, []byte(dsn), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if slices.Contains(without, name) {
				continue
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			var out clitest.Output
			code := run(ctx, append(strings.Fields(name), rightArgs[name]...), func(name string) string { return env[name] }, &out, &out)
			cancel()
			if got := out.String(); code == 0 || !strings.Contains(got, "database address") || strings.Contains(got, canary) {
				t.Errorf("%s with %s: exit code %d, output\n%s", name, dsn, code, got)
			}
		}
	}
}

// leaves are the names of all commands that do something.
func leaves(c *cobra.Command, prefix string) (names []string) {
	for _, sub := range c.Commands() {
		name := strings.TrimSpace(prefix + " " + sub.Name())
		if sub.Runnable() && (!sub.HasSubCommands() || sub.Name() == "runs") {
			names = append(names, name)
		}
		names = append(names, leaves(sub, name)...)
	}
	return names
}
