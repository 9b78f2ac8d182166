package main

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// TestDocumentedQueries: the statements that the README and docs/queries.md
// show find something in a recorded Workspace.
func TestDocumentedQueries(t *testing.T) {
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
	queries := clitest.Blocks(t, "sql", "README.md", "docs/queries.md")
	if len(queries) < 5 {
		t.Errorf("the documents have %d SQL blocks", len(queries))
	}
	for _, query := range queries {
		results, err := conn.PgConn().Exec(t.Context(), query).ReadAll()
		if err != nil {
			t.Errorf("%v:\n%s", err, query)
			continue
		}
		for _, r := range results {
			if len(r.Rows) == 0 {
				t.Errorf("it finds nothing:\n%s", query)
			}
		}
	}
}

// Every command and flag that the documents name exists.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	help := func(args ...string) string {
		_, stdout, stderr := call(t, nil, args...)
		return stdout + stderr
	}
	clitest.Documents(t, "subscriber", help, []string{"demo", "run", "migrate up", "backfill"},
		"README.md", "docs/google-workspace.md", "docs/subscriber.md", "docs/reactors.md")
}

// What the runbooks tell people to do works while a worker runs, and does no harm
// where nothing is wrong.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	p := start(t, w.env, "run")
	env := w.env.with("SPACEKEEPER_HEALTH_ADDR", healthAddr(t, p))
	if err := w.Run(t.Context(), simulate.Activity{Steps: 30}); err != nil {
		t.Fatal(err)
	}
	eventually(t, p, "the worker is ready", func() bool {
		code, _, _ := call(t, env, "healthcheck")
		return code == cli.OK
	})
	for _, args := range clitest.Runbooks(t, "subscriber") {
		if code, stdout, stderr := call(t, env, args...); code != cli.OK {
			t.Errorf("subscriber %v: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
	for _, sql := range clitest.Blocks(t, "sql", "docs/runbooks/*.md") {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Errorf("%v:\n%s", err, sql)
		}
		_ = conn.Close(context.WithoutCancel(t.Context()))
	}
}
