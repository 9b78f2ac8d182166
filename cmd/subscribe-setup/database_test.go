package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

// What was missed while a subscription was replaced is a gap, from when the
// keeper last saw the old one to when the new one began.
func TestReplacingLeavesAGap(t *testing.T) {
	t.Parallel()
	x := openWatched(t, simulate.Options{Spaces: 2})
	x.config("workspace: {spaces: [$A, $B]}")
	x.run(cli.OK, "apply")
	x.keep()
	x.clock.Advance(10 * time.Minute)
	x.config("workspace: {spaces: [$A], targets: [{target: $B, include_resource: false}]}")
	x.run(cli.OK, "apply", "--yes")
	x.clock.Advance(time.Minute)
	x.keep()
	gaps, err := x.store.Gaps(t.Context())
	if err != nil || len(gaps) != 1 {
		t.Fatalf("got %d gaps, %v; want 1", len(gaps), err)
	}
	g := gaps[0]
	if g.Scope != x.ws.Spaces()[1].Name || g.To.Sub(g.From) != 10*time.Minute || g.State != coverage.GapPending {
		t.Errorf("got %+v, want 10 minutes of %s to be filled", g, x.ws.Spaces()[1].Name)
	}
}

// Spaces that the worker subscribes because the app was added to them are no
// orphans.
func TestOnAdded(t *testing.T) {
	t.Parallel()
	x := openWatched(t, simulate.Options{Spaces: 3})
	spaces := x.ws.Spaces()
	if _, err := x.store.Pool().Exec(t.Context(), `
		INSERT INTO followed_spaces (space, present, changed_at)
		VALUES ($1, true, now()), ($2, true, now())`, spaces[0].Name, spaces[1].Name); err != nil {
		t.Fatal(err)
	}
	x.config("keeper: {on_added: true}\nworkspace: {spaces: [$A]}")
	x.run(cli.OK, "apply", "--prune", "--yes")
	x.run(cli.OK, "plan", "--detailed-exitcode", "--prune")
	list := x.run(cli.OK, "list")
	if !strings.Contains(list, spaces[0].Name) || !strings.Contains(list, spaces[1].Name) || strings.Contains(list, spaces[2].Name) {
		t.Errorf("got\n%s", list)
	}
	delete(x.env, "SPACEKEEPER_DATABASE_DSN")
	x.run(cli.OK, "plan", "--detailed-exitcode")
	x.run(cli.Misconfigured, "apply", "--prune", "--yes")
	if text := x.transcript.String(); !strings.Contains(text, "only the database knows") {
		t.Errorf("it says\n%s", text)
	}
}

// No command shows a part of a dsn_file that can't be read as it was meant.
func TestNoCommandShowsThePassword(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 2})
	x.config("workspace: {spaces: [$A, $B]}")
	file := filepath.Join(t.TempDir(), "dsn")
	x.env["SPACEKEEPER_DATABASE_DSN_FILE"] = file
	delete(x.env, "SPACEKEEPER_DATABASE_DSN")
	for _, dsn := range []string{
		"host=127.0.0.1 port=1 user=app password=two c4n4ry", `host=127.0.0.1 port=x password = 'it\'s c4n4ry'`,
		"host=127.0.0.1 port=1 password=two c4n4ry=x", "postgres://app:12/c4n4ry@127.0.0.1:1/x",
	} {
		if err := os.WriteFile(file, []byte(dsn), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"plan", "apply --yes", "status", "list", "doctor", "doctor -o json", "renew --all", "reactivate --all"} {
			x.run(exitAny, strings.Fields(command)...)
		}
	}
	if text := x.transcript.String(); strings.Contains(text, "c4n4ry") || !strings.Contains(text, "database address") {
		t.Errorf("it says\n%s", text)
	}
}
