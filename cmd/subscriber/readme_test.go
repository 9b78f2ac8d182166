package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The statements that the README shows find something in a recorded Workspace.
func TestReadmeSQL(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	p := start(t, w.env, "run")
	if err := w.Run(t.Context(), simulate.Activity{Steps: 300}); err != nil {
		t.Fatal(err)
	}
	if err := w.Broker().WaitIdle(t.Context(), "projects/"+w.Project()+"/subscriptions/"+subscriptionID); err != nil {
		t.Fatal(err)
	}
	if code := p.stop(); code != cli.OK {
		t.Fatalf("the worker's exit code is %d", code)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	blocks := regexp.MustCompile("(?ms)^```sql\n(.*?)^```").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) < 4 {
		t.Errorf("the README has %d SQL blocks", len(blocks))
	}
	for _, block := range blocks {
		results, err := conn.PgConn().Exec(t.Context(), block[1]).ReadAll()
		if err != nil {
			t.Errorf("%v:\n%s", err, block[1])
			continue
		}
		for _, r := range results {
			if len(r.Rows) == 0 {
				t.Errorf("it finds nothing:\n%s", block[1])
			}
		}
	}
}

// Every command and flag that the README, and the guide to rules, name exists.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	help := func(args ...string) string {
		_, stdout, stderr := call(t, nil, args...)
		return stdout + stderr
	}
	clitest.Documents(t, "subscriber", help, []string{"demo", "run", "migrate up"}, "README.md", "docs/reactors.md")
}
