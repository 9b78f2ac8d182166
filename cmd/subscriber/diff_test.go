package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// A comparison that takes minutes says how far it has come, and Ctrl-C ends it
// in our own words.
func TestLongDiff(t *testing.T) {
	t.Parallel()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(`reactors:
  - id: minutely
    on: schedule
    cron: "* * * * *"
    zone: UTC
    spaces: [spaces/A, spaces/B, spaces/C, spaces/D, spaces/E, spaces/F, spaces/G, spaces/H]
    do: [{send: {text: "`+text+`: {{ space.week.messages }}"}}]
`), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := environ{"SPACEKEEPER_REACTORS_FILE": write("reactors.yaml", "now"), "SPACEKEEPER_DATABASE_DSN": migratedDatabase(t)}
	p := start(t, env, "reactors", "diff", write("other.yaml", "then"), "--since", "30d")
	progress := regexp.MustCompile(`(?m)^the rules in force, up to \d{4}-\d\d-\d\d \d\d:\d\d:00, about .* left$`)
	eventually(t, p, "it says how far it has come", func() bool { return progress.MatchString(p.stderr.String()) })
	if code := p.stop(); code != cli.Interrupted {
		t.Errorf("exit code %d, want %d", code, cli.Interrupted)
	}
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	if last := lines[len(lines)-1]; !regexp.MustCompile(`^subscriber: replay the time since .*: interrupted$`).MatchString(last) || strings.Contains(last, "SQLSTATE") {
		t.Errorf("it ends with %q", last)
	}
	if out := p.stdout.String(); out != "" {
		t.Errorf("progress is printed with the result: %q", out)
	}
}
