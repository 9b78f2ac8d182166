package readrules

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/doctor"
)

// rulesFile writes a file of rules and returns the configuration that names it.
func rulesFile(t *testing.T, text string) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.Reactors.File = filepath.Join(t.TempDir(), "reactors.yaml")
	if err := os.WriteFile(cfg.Reactors.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestLoad(t *testing.T) {
	t.Parallel()
	got, err := Load(rulesFile(t, `
reactors:
  - id: welcome
    on: member.joined
    collapse: { window: 1m, do: [{ send: { to: space, text: Welcome all! } }] }
    do:
      - dm: { text: Welcome! }
      - record: { name: welcome.sent }
  - id: audit
    mode: live
    on: message.created
    do: [{ webhook: { url: "https://siem.example.com/", secret_file: siem.secret } }]
  - id: alumni
    mode: "off"
    on: member.left
    sequence:
      - { after: 1m, do: [{ add_member: { space: spaces/AAAA } }] }
      - { after: 2m, do: [{ remove_member: {} }] }
overrides:
  spaces/BBBB:
    welcome: { mode: live }
  spaces/CCCC:
    audit: { "do[0].webhook.secret_file": other.secret }
`))
	if err != nil {
		t.Fatal(err)
	}
	const created, joined, left = "google.workspace.chat.message.v1.created", "google.workspace.chat.membership.v1.created", "google.workspace.chat.membership.v1.deleted"
	want := []doctor.Rule{
		{ID: "welcome", Mode: "shadow", Events: []string{joined}, Chat: []string{"dm", "send"}},
		{ID: "welcome", Space: "spaces/BBBB", Mode: "live", Events: []string{joined}, Chat: []string{"dm", "send"}},
		{ID: "audit", Mode: "live", Events: []string{created}, Secrets: []string{"siem.secret"}},
		{ID: "audit", Space: "spaces/CCCC", Mode: "live", Events: []string{created}, Secrets: []string{"other.secret"}},
		{ID: "alumni", Mode: "off", Events: []string{left}, Chat: []string{"add_member", "remove_member"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// TestLoadWrongRules: what is wrong is told with its line; that an app can't
// react is a mistake in the rules.
func TestLoadWrongRules(t *testing.T) {
	t.Parallel()
	cfg := rulesFile(t, `reactors:
  - id: cheer
    on: message.created
    modus: live
    do: [{ react: { emoji: "🎉" } }]
`)
	_, err := Load(cfg)
	var wrong *doctor.RulesError
	if !errors.As(err, &wrong) || len(wrong.Mistakes) != 2 {
		t.Fatalf("got %v, want two problems", err)
	}
	for i, want := range []string{cfg.Reactors.File + `:4: unknown key "modus"`, cfg.Reactors.File + ":5: react: only people can react in Google Chat, not an app; set auth.mode"} {
		if !strings.Contains(wrong.Mistakes[i], want) || strings.Contains(wrong.Mistakes[i], "\n") {
			t.Errorf("got %q, want %q in it", wrong.Mistakes[i], want)
		}
	}
	cfg.Reactors.File += ".absent"
	if _, err := Load(cfg); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that there is no such file", err)
	}
}
