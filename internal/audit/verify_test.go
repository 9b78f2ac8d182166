package audit

import (
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
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
		if _, err := call(t, s, "verify", "--against", wrong); err == nil || !strings.Contains(err.Error(), "want a root") {
			t.Errorf("against %q: got %v", wrong, err)
		}
	}
	exec(t, s, `UPDATE events SET resource = resource || 'x' WHERE event_time = (SELECT max(event_time) FROM events)`)
	out, err := call(t, s, "verify", "--against", root)
	if err == nil || !strings.Contains(err.Error(), "1 finding") || !strings.Contains(out, "is not as it was recorded: it was changed or taken out (leaf 2)") {
		t.Errorf("got %q, %v", out, err)
	}
}
