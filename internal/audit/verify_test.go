package audit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/archive"
	"github.com/spacekeeper/spacekeeper/internal/store/erasures"
	"github.com/spacekeeper/spacekeeper/internal/store/holds"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// Verify says that a log is as it was, names what was changed, and holds the log
// against a root that it has printed before.
func TestVerify(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock})
	seal := func() {
		t.Helper()
		if _, err := proofs.New(s.Store).Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Record(t, s, storetest.Join("1", 1), storetest.Leave("2", 2))
	seal()
	first, err := call(t, s, "verify")
	if err != nil || !strings.HasPrefix(first, "All is as it was recorded: 2 rows, of which the log has 2 leaves; 0 are not sealed yet.\nroot 2:") {
		t.Fatalf("got %q, %v", first, err)
	}
	root := strings.TrimSpace(first[strings.Index(first, "root ")+len("root "):])
	storetest.Record(t, s, storetest.Join("3", 3))
	if out, err := call(t, s, "verify", "--against", root); err != nil || !strings.Contains(out, "3 rows, of which the log has 2 leaves; 1 are not") {
		t.Errorf("got %q, %v", out, err)
	}
	seal()
	for _, other := range []string{"2:" + strings.Repeat("00", 32), "9" + root} {
		if out, err := call(t, s, "verify", "--against", other); err == nil || !strings.Contains(out, "checkpoint --against ") {
			t.Errorf("against %s: got %q, %v", other, out, err)
		}
	}
	for _, wrong := range []string{"", "2", "2:00", "x:" + strings.Repeat("00", 32)} {
		if _, err := call(t, s, "verify", "--against", wrong); err == nil || !strings.Contains(err.Error(), "or a root as audit verify prints it") {
			t.Errorf("against %q: got %v", wrong, err)
		}
	}
	month := storetest.Epoch.AddDate(0, 0, -storetest.Epoch.Day()).Truncate(24*time.Hour).AddDate(0, 0, 1)
	dir, err := archive.Write(t.Context(), s.Store, month, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := call(t, s, "verify", "--archive", dir); err != nil || !strings.Contains(out, dir+" has 3 events of 2026-11, as they were recorded.\nAll is") {
		t.Errorf("got %q, %v", out, err)
	}
	if out, err := call(t, storetest.New(t, storetest.Options{}), "verify", "--archive", dir); err == nil || !strings.Contains(out, dir) {
		t.Errorf("of another database: got %q, %v", out, err)
	}
	if _, err := call(t, s, "verify", "--archive", t.TempDir()); err == nil || !strings.Contains(err.Error(), "want the directory of a month") {
		t.Errorf("got %v", err)
	}
	exec(t, s, `UPDATE events SET resource = resource || 'x' WHERE event_time = (SELECT max(event_time) FROM events)`)
	out, err := call(t, s, "verify", "--against", root)
	if err == nil || !strings.Contains(err.Error(), "1 finding") || !strings.Contains(out, "is not as it was recorded: it was changed or taken out (leaf 2)") {
		t.Errorf("got %q, %v", out, err)
	}
}

// What is held is told with its reason, and who adds a hold waits for those who have
// read the holds without it.
func TestHold(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock})
	done := make(chan error, 1)
	if err := pgx.BeginFunc(t.Context(), s.Pool(), func(tx pgx.Tx) error {
		if held, err := holds.Read(t.Context(), tx); err != nil || len(held) > 0 {
			t.Errorf("held: %v, %v", held, err)
		}
		go func() {
			_, err := call(t, s, "hold", "add", "users/ann", "--reason", "case 7")
			done <- err
		}()
		storetest.WaitForLocks(t, s, 1)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"add", "spaces/S", "--reason", "case 6"}, {"add", "spaces/S", "--reason", "case 8"}} {
		if _, err := call(t, s, append([]string{"hold"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	held, err := holds.Read(t.Context(), s.Pool())
	if err != nil || !slices.Equal(held.Spaces(), []string{"spaces/S"}) || !slices.Equal(held.People(), []string{"users/ann"}) {
		t.Errorf("held: %v, %v", held, err)
	}
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM trail WHERE action = 'policy.changed' AND details::text LIKE '%case%'`); n != 3 {
		t.Errorf("%d changes are in the trail, want 3", n)
	}
	if out, err := call(t, s, "hold", "list"); err != nil || !strings.Contains(out, "case 7") || !strings.Contains(out, "case 8") || strings.Contains(out, "case 6") {
		t.Errorf("got %s, %v", out, err)
	}
	if _, err := call(t, s, "hold", "remove", "users/ann"); err != nil {
		t.Error(err)
	}
	for want, args := range map[string][]string{
		"users/ann is not held":          {"remove", "users/ann"},
		`"ann" can't be held`:            {"add", "ann", "--reason", "x"},
		`"spaces/S/messages/M" can't be`: {"remove", "spaces/S/messages/M"},
		"--reason is missing":            {"add", "users/bob"},
	} {
		if _, err := call(t, s, append([]string{"hold"}, args...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}

// Who erases sees first what that would be, and agrees; verify tells of it.
func TestErase(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock})
	storetest.Record(t, s, storetest.Decoded(t, "1", "message.v1.created", storetest.At(1), storetest.Post("ann", "T.T", "hello")))
	erase := func(args ...string) (string, error) {
		t.Helper()
		return callRoot(t, s, NewEraseCommand, args...)
	}
	for want, args := range map[string][]string{
		"--user is missing": nil,
		"add --yes once":    {"--user", "users/ann"},
		"names this person": {"--user", "users/nobody", "--dry-run"},
		"nobody is called":  {"--user", "Nobody", "--dry-run"},
	} {
		if out, err := erase(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v", args, out, err)
		}
	}
	if err := trail.Commit(t.Context(), s.Store, trail.Action{Name: "archive.finished", Target: "2026-11"}); err != nil {
		t.Fatal(err)
	}
	if x, err := erasures.New(s.Store); err != nil {
		t.Error(err)
	} else if got, err := x.Archived(t.Context(), "users/ann"); err != nil || !slices.Equal(got, []string{"2026-11"}) {
		t.Errorf("archived: %v, %v", got, err)
	}
	exec(t, s, `DELETE FROM trail`)
	exec(t, s, `DELETE FROM proof_pending WHERE get_byte(entries, 0) = ascii('a')`)
	if out, err := erase("--user", "users/ann", "--dry-run"); err != nil || !strings.Contains(out, "would be erased") {
		t.Errorf("got %q, %v", out, err)
	}
	if out, err := erase("--user", "users/ann", "--yes", "--reason", "case 7"); err != nil || !strings.Contains(out, "Of users/ann erased") {
		t.Errorf("got %q, %v", out, err)
	}
	if out, err := call(t, s, "verify"); err != nil || !strings.Contains(out, "Of 1 row something was erased since") {
		t.Errorf("got %q, %v", out, err)
	}
}
