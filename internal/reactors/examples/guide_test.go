package examples_test

import (
	"encoding/json"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// only returns the one block of a language in a document.
func only(t *testing.T, name, language string) string {
	t.Helper()
	found := blocks(document(t, name), language)
	if len(found) != 1 {
		t.Fatalf("docs/%s has %d blocks of %s, want 1", name, len(found), language)
	}
	return found[0]
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// command runs a program in a folder; it has to succeed.
func command(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestGoFormat: code that a document shows looks as gofmt has it.
func TestGoFormat(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		for _, code := range blocks(document(t, name), "go") {
			formatted, err := format.Source([]byte(code))
			if err != nil {
				t.Errorf("docs/%s: %v", name, err)
				continue
			}
			if diff := cmp.Diff(string(formatted), code); diff != "" {
				t.Errorf("docs/%s isn't formatted (-want +got):\n%s", name, diff)
			}
		}
	}
}

// TestGoCode: the action and the receiver that the documents show pass their
// tests, and vet. They stand in for files of the tree that aren't there.
func TestGoCode(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	t.Parallel()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const ticket, receiver = "internal/reactors/examples/testdata/ticket", "internal/reactors/examples/testdata/receiver"
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, text := range map[string]string{
		ticket + "/ticket.go":      only(t, "writing-a-reactor.md", "go"),
		ticket + "/ticket_test.go": only(t, "reactors/testing-an-action.md", "go"),
		receiver + "/main.go":      only(t, "reactors/webhooks.md", "go"),
	} {
		file := filepath.Join(dir, filepath.Base(path))
		write(t, file, text)
		overlay.Replace[filepath.Join(root, filepath.FromSlash(path))] = file
	}
	raw, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	write(t, list, string(raw))
	for _, pkg := range []string{ticket, receiver} {
		binary := filepath.Join(dir, filepath.Base(pkg)+".test")
		command(t, root, nil, "go", "test", "-c", "-overlay", list, "-o", binary, "./"+pkg)
		command(t, dir, nil, binary)
	}
}

// TestModule: the module that docs/reactors/modules.md shows can be built as it
// says, and the rule with it decides.
func TestModule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a module")
	}
	t.Parallel()
	const name = "reactors/modules.md"
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), only(t, name, "go"))
	write(t, filepath.Join(dir, "go.mod"), "module faq\n\ngo 1.26\n")
	var env, args []string
	for _, word := range strings.Fields(only(t, name, "sh")) {
		if len(args) == 0 && strings.Contains(word, "=") {
			env = append(env, word)
		} else {
			args = append(args, word)
		}
	}
	command(t, dir, append(env, "GOWORK=off", "GOFLAGS="), args...)
	set, err := rules.Parse("rules", []byte(only(t, name, "yaml")), rules.Options{Actions: actions(t, dir)})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"How do I get into the VPN?": `"text":"See \u003chttps://wiki.example.com/vpn|this page\u003e."`,
		"Where is the key?":          `"note":"no-answer"`,
	} {
		got := decided(t, set.Rules()[0], text)
		if !strings.Contains(got, want) {
			t.Errorf("asked %q the module wants %s, want %s in it", text, got, want)
		}
	}
}

// decided is what a rule would do about a message.
func decided(t *testing.T, r *rules.Rule, text string) string {
	t.Helper()
	f := reactors.Facts{
		Trigger: reactors.MessageCreated,
		Space:   reactors.SpaceFacts{Name: "spaces/A"},
		Member:  reactors.MemberFacts{Name: "users/1"},
		Message: reactors.MessageFacts{Name: "spaces/A/messages/M", Thread: "spaces/A/threads/T", Text: text},
	}
	run := reactors.Run{Reactor: r.ID, Subject: "M", Trigger: f.Trigger, Space: "spaces/A", Member: "users/1", Facts: f}
	requests, err := r.Render(t.Context(), run, f, f.Event.Time, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(requests) != 1 {
		t.Fatalf("it makes %d requests, want 1", len(requests))
	}
	return string(requests[0].Body)
}
