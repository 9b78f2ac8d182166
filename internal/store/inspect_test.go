package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
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

func TestLastHeartbeat(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{})
	if got, err := s.LastHeartbeat(t.Context()); err != nil || !got.IsZero() {
		t.Errorf("got %s, %v, want none", got, err)
	}
	if err := s.Heartbeat(t.Context(), epoch, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got, err := s.LastHeartbeat(t.Context()); err != nil || !got.Equal(epoch) {
		t.Errorf("got %s, %v, want %s", got, err, epoch)
	}
}

func TestFindMessage(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	if _, found, err := s.FindMessage(t.Context(), "spaces/S", "", at(0)); err != nil || found {
		t.Errorf("got %v, %v of an empty log", found, err)
	}
	record(t, s,
		live("1", at(-10), message(events.VerbCreated, "spaces/S/messages/old", "users/1", "a", at(-10), time.Time{})),
		live("2", at(5), message(events.VerbUpdated, "spaces/S/messages/old", "users/1", "b", at(-10), at(5))),
		live("3", at(20), message(events.VerbCreated, "spaces/S/messages/late", "users/1", "c", at(20), time.Time{})),
		live("4", at(10), message(events.VerbCreated, "spaces/S/messages/new", "users/1", "d", at(10), time.Time{})),
		live("5", at(1), message(events.VerbCreated, "spaces/T/messages/other", "users/1", "e", at(1), time.Time{})),
	)
	for want, query := range map[string]string{"spaces/S/messages/new": "", "spaces/S/messages/late": "spaces/S/messages/late"} {
		seen, found, err := s.FindMessage(t.Context(), "spaces/S", query, at(0))
		if err != nil || !found || seen.Message != want || !seen.ReceivedAt.Equal(seen.EventTime.Add(150*time.Millisecond)) {
			t.Errorf("got %+v, %v, %v, want %s", seen, found, err, want)
		}
	}
	if seen, found, err := s.FindMessage(t.Context(), "spaces/S", "spaces/S/messages/none", at(0)); err != nil || found {
		t.Errorf("got %+v, %v", seen, err)
	}

	bad := live("6", at(30), message(events.VerbCreated, "spaces/S/messages/bad", "users/1", "f", at(30), time.Time{}))
	bad.Event, bad.Malformed = nil, &events.Malformed{Reason: "test"}
	record(t, s, bad)
	if n, reason, err := s.Quarantined(t.Context(), at(0)); n != 1 || reason != "test" || err != nil {
		t.Errorf("got %d in quarantine for %q, %v", n, reason, err)
	}
	if n, reason, err := s.Quarantined(t.Context(), at(60)); n != 0 || reason != "" || err != nil {
		t.Errorf("got %d in quarantine for %q, %v", n, reason, err)
	}
}
