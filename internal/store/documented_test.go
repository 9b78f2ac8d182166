package store_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// The role and the database that docs/google-workspace.md makes are enough to
// migrate, and for the worker, on the Postgres that is installed here.
func TestDocumentedDatabase(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "google-workspace.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```sql\n(.*?)^```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 1 {
		t.Fatalf("the document has %d SQL blocks", len(blocks))
	}
	admin := storetest.New(t, storetest.Options{})
	role := storetest.NewRole(t) // without any right, and removed with the test
	run := func(sql string) {
		t.Helper()
		if _, err := admin.Pool().Exec(context.WithoutCancel(t.Context()), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	for statement := range strings.SplitSeq(strings.TrimSpace(blocks[0][1]), "\n") {
		statement = strings.Replace(statement, "CREATE ROLE", "ALTER ROLE", 1)
		run(strings.ReplaceAll(statement, "spacekeeper", role))
	}
	t.Cleanup(func() { run("DROP DATABASE " + role + " WITH (FORCE)") })

	dsn := storetest.WithRole(storetest.WithDatabase(admin.DSN, role), role)
	if err := store.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	missing, err := privileges.Missing(t.Context(), db)
	if err != nil || len(missing) > 0 {
		t.Errorf("%s lacks %v: %v", role, missing, err)
	}
	in, err := db.Inspect(t.Context())
	if err != nil || in.Superuser || in.Role != role {
		t.Errorf("%+v: %v", in, err)
	}
}
