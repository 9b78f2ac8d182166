package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	got, err := env.Store.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Superuser || got.ReadOnly || got.Role == "" || got.Version == "" || time.Since(got.Now).Abs() > time.Minute {
		t.Errorf("got %+v, want a superuser that may write, now", got)
	}
	missing, err := env.Store.MissingPrivileges(t.Context())
	if err != nil || len(missing) > 0 {
		t.Errorf("a superuser lacks %q (%v)", missing, err)
	}
}

// TestMissingPrivileges: a role that may do anything but own lacks just that,
// and one that may do nothing lacks everything that the worker does.
func TestMissingPrivileges(t *testing.T) {
	t.Parallel()
	role := storetest.NewRole(t) // before the database, to be dropped after it
	env := storetest.New(t, storetest.Options{})
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := env.Pool().Exec(t.Context(), fmt.Sprintf(sql, args...)); err != nil {
			t.Fatal(err)
		}
	}
	guest, err := store.Open(t.Context(), storetest.WithRole(env.DSN, role), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(guest.Close)

	missing, err := guest.MissingPrivileges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list := "\n" + strings.Join(missing, "\n") + "\n"
	for _, want := range []string{"INSERT on events", "SELECT on spaces", "DELETE on coverage", "USAGE on river_job_id_seq", "ownership of events", "CREATE on schema public"} {
		if !strings.Contains(list, "\n"+want+"\n") {
			t.Errorf("%q is not among what is missing: %s", want, list)
		}
	}
	for _, other := range []string{"DELETE on events", "UPDATE on quarantine", "INSERT on goose_db_version"} {
		if strings.Contains(list, "\n"+other+"\n") {
			t.Errorf("%q is among what is missing, and the worker doesn't do that", other)
		}
	}

	exec("GRANT ALL ON ALL TABLES IN SCHEMA public TO %[1]s; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO %[1]s; GRANT ALL ON SCHEMA public TO %[1]s", role)
	if missing, err = guest.MissingPrivileges(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ownership of events"}, missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	in, err := guest.Inspect(t.Context())
	if err != nil || in.Superuser || in.Role != role {
		t.Errorf("got %+v, %v", in, err)
	}
}
