package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
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

func reactorsGuide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "reactors.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The statements that the README shows find something in a recorded Workspace.
func TestReadmeSQL(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	w := newWorld(t, dsn)
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

// command is a command line as a document shows it.
type command struct {
	binary string // subscriber or subscribe-setup
	words  []string
	flags  []string
}

// commands finds the command lines in a document's code. A flag that stands
// alone in a line of a table or of a paragraph belongs to the command before it.
func commands(text string) (found []command) {
	word := regexp.MustCompile(`^[a-z]+$`)
	flag := regexp.MustCompile(`^(--[a-z][a-z-]*|-[a-z])$`)
	for line := range strings.Lines(text) {
		var last *command
		inCommand := false
		for _, token := range strings.Fields(strings.ReplaceAll(line, "`", " ` ")) {
			token = strings.TrimRight(token, ".,;:")
			name := strings.TrimPrefix(token, "./cmd/")
			switch {
			case strings.HasPrefix(token, "#"):
				inCommand = false
			case name == "subscriber" || name == "subscribe-setup":
				found = append(found, command{binary: name})
				last, inCommand = &found[len(found)-1], true
			case token == "`":
				inCommand = false
			case inCommand && word.MatchString(token):
				last.words = append(last.words, token)
			case last != nil && flag.MatchString(token):
				last.flags = append(last.flags, token)
				inCommand = false // what follows is a value
			default:
				inCommand = false
			}
		}
	}
	return found
}

func TestCommandsOfADocument(t *testing.T) {
	t.Parallel()
	text := "| `subscriber demo` | runs; `--for`, `--rate` |\n" +
		"go run ./cmd/subscriber migrate up   # do it\n" +
		"`subscribe-setup delete spaces/AAQA -o json` and gcloud x --role=roles/pubsub.subscriber\n" +
		"subscriber reactors runs --reactor welcome\n"
	var got []string
	for _, c := range commands(text) {
		got = append(got, strings.Join(slices.Concat([]string{c.binary}, c.words, c.flags), " "))
	}
	want := []string{"subscriber demo --for --rate", "subscriber migrate up", "subscribe-setup delete -o", "subscriber reactors runs --reactor"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// isCommand reports whether a help text is that of a command, or of one that
// takes the last word as its argument.
func isCommand(said string, words []string) bool {
	usage := func(words []string, rest string) bool {
		return regexp.MustCompile(`(?m)^  ` + strings.Join(words, " ") + rest).MatchString(said)
	}
	return usage(words, `( \[|$| [A-Z])`) || usage(words[:len(words)-1], ` \[?[A-Z]`)
}

// Every command and flag that the README, and the guide to rules, name exists.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	setup := buildSetup(t)
	help := map[string]func(args ...string) string{
		"subscriber": func(args ...string) string {
			_, stdout, stderr := call(t, nil, args...)
			return stdout + stderr
		},
		"subscribe-setup": func(args ...string) string {
			out, _ := exec.Command(setup, args...).CombinedOutput() // what it says tells
			return string(out)
		},
	}
	seen := map[string]bool{}
	for _, c := range append(commands(readme(t)), commands(reactorsGuide(t))...) {
		words := append([]string{c.binary}, c.words...)
		path := strings.Join(words, " ")
		seen[path] = true
		said := help[c.binary](append(slices.Clone(c.words), "--help")...)
		if !isCommand(said, words) {
			t.Errorf("there is no command %q:\n%s", path, said)
			continue
		}
		for _, flag := range c.flags {
			if !regexp.MustCompile(`(?m)^ +(-\w, )?` + flag + `\b`).MatchString(said) {
				t.Errorf("%s has no flag %s", path, flag)
			}
		}
	}
	for _, path := range []string{"subscriber demo", "subscriber run", "subscriber migrate up", "subscribe-setup apply", "subscribe-setup delete"} {
		if !seen[path] {
			t.Errorf("the README doesn't name %q", path)
		}
	}
}

// buildSetup builds the other binary.
func buildSetup(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "subscribe-setup.exe")
	if out, err := exec.Command("go", "build", "-o", path, "../subscribe-setup").CombinedOutput(); err != nil {
		t.Fatalf("build subscribe-setup: %v\n%s", err, out)
	}
	return path
}
