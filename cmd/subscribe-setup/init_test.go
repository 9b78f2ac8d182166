package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/config/draft"
)

func noEnv(string) string { return "" }

// initIn runs init for a file in a directory of its own.
func initIn(t *testing.T, answers string) *terminal {
	t.Helper()
	return &terminal{t: t, dir: t.TempDir(), env: map[string]string{}, answers: answers}
}

func (x *terminal) written() string {
	x.t.Helper()
	raw, err := os.ReadFile(filepath.Join(x.dir, "spacekeeper.yaml"))
	if err != nil {
		x.t.Fatal(err)
	}
	fmt.Fprintf(&x.transcript, "%s\n", x.mask(string(raw)))
	return string(raw)
}

func TestInitAsks(t *testing.T) {
	t.Parallel()
	x := initIn(t, strings.Join([]string{
		"My Project", "my-project", // the first one won't do
		"impersonat", "impersonate",
		"", "keeper", "keeper@example.com", // it is needed, and an address
		"/run/secrets/workload-identity.json",
		"", "", "maybe", "n",
		"spaces/-, spaces/AAQA1, spaces/-", "spaces/-, name:Team *",
		"y",
		"postgres://app:hunter2@db/app", "postgres://app@db/app", "/run/secrets/postgres",
		"y",
	}, "\n"))
	x.run(cli.OK, "init", "--config", "$DIR/spacekeeper.yaml")
	x.written()
	x.compare("init")
	if strings.Contains(x.transcript.String(), "hunter2") {
		t.Error("a secret shows")
	}
}

func TestInitWithoutQuestions(t *testing.T) {
	t.Parallel()
	x := initIn(t, "")
	x.run(cli.Misused, "init", "--config", "$DIR/spacekeeper.yaml")
	x.run(cli.Misused, "init", "--config", "$DIR/spacekeeper.yaml", "--project", "my-project")
	x.run(cli.Misused, "init", "--config", "$DIR/spacekeeper.yaml", "--project", "my-project", "--watch", "users/1")
	x.run(cli.Misused, "init", "--config", "$DIR/spacekeeper.yaml", "--project", "my-project", "--watch", "spaces/A", "--auth", "user")
	x.run(cli.Failed, "init", "--config", "$DIR/absent/spacekeeper.yaml", "--project", "my-project", "--follow")
	if found, err := os.ReadDir(x.dir); err != nil || len(found) > 0 {
		t.Errorf("found %v (%v), want nothing written", found, err)
	}
	x.run(cli.OK, "init", "--config", "$DIR/spacekeeper.yaml", "--project", "my-project", "--watch", "spaces/A")
	first := x.written()
	x.run(cli.Failed, "init", "--config", "$DIR/spacekeeper.yaml", "--project", "my-project", "--follow")
	if got := x.written(); got != first {
		t.Errorf("the file was replaced by\n%s", got)
	}
	x.run(cli.OK, "init", "--config", "$DIR/spacekeeper.yaml", "--force", "--project", "my-project", "--follow", "--no-input")
	if got := x.written(); !strings.Contains(got, "on_added: true") {
		t.Errorf("the file was not replaced; it is\n%s", got)
	}
	if found, err := os.ReadDir(x.dir); err != nil || len(found) != 1 {
		t.Errorf("found %v (%v), want the one file", found, err)
	}
	x.transcript.Reset() // paths in errors differ between systems
}

// TestInitIsInterrupted cancels while a question waits for its answer.
func TestInitIsInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in, keyboard := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	// The first question is answered, and then nobody types any more.
	go func() {
		_, _ = keyboard.Write([]byte("my-project\n"))
		cancel()
	}()
	var out, messages strings.Builder
	code := run(ctx, []string{"init", "--config", filepath.Join(dir, "spacekeeper.yaml")},
		cli.Env{In: in, Out: &out, Err: &messages, Getenv: noEnv, Interactive: true})
	if err := keyboard.Close(); err != nil { // lets the read end
		t.Error(err)
	}
	if code != cli.Interrupted {
		t.Errorf("got exit code %d, want %d\n%s", code, cli.Interrupted, messages.String())
	}
	if found, err := os.ReadDir(dir); err != nil || len(found) > 0 {
		t.Errorf("found %v (%v), want nothing written", found, err)
	}
}

func TestInitRunsOutOfAnswers(t *testing.T) {
	t.Parallel()
	x := initIn(t, "my-project\n")
	x.run(cli.Failed, "init", "--config", "$DIR/spacekeeper.yaml")
	if !strings.Contains(x.transcript.String(), "the answers ended before the questions did") {
		t.Errorf("it says\n%s", x.transcript.String())
	}
}

// TestInitWritesWhatLoads goes through combinations of answers and compares
// what is loaded with what was answered.
func TestInitWritesWhatLoads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := file("key.json", `{"type": "service_account"}`)
	consent := file("user's consent: #1.json", `{"type": "authorized_user", "refresh_token": "x"}`)
	password := file("password", "x")
	modes := [][]string{
		{"--watch", "spaces/A", "--watch", "name:Team: #1, or so *", "--watch", "customers/my_customer"},
		{"--follow", "--credentials-file", key},
		{"--auth", "user", "--token-file", consent, "--watch", "spaces/-", "--watch", "users/123"},
		{"--auth", "impersonate", "--subject", "keeper@example.com", "--credentials-file", key, "--watch", `name:"quoted" \ *`},
	}
	others := [][]string{
		{},
		{"--manage-pubsub", "--names-only", "--welcome"},
		{"--topic", "projects/my-project/topics/on.off", "--subscription", "projects/other-project/subscriptions/s+~%1"},
		{"--database", "host=db user='x y' dbname=z", "--password-file", password},
	}
	for i, mode := range modes {
		for j, other := range others {
			path := filepath.Join(dir, fmt.Sprintf("spacekeeper-%d-%d.yaml", i, j))
			args := append(append([]string{"init", "--no-input", "--config", path, "--project", "my-project"}, mode...), other...)
			var out, messages strings.Builder
			if code := run(t.Context(), args, cli.Env{Out: &out, Err: &messages, Getenv: noEnv}); code != cli.OK {
				t.Errorf("%v: got exit code %d\n%s", args, code, messages.String())
				continue
			}
			got, err := config.Load(path, noEnv, config.ForApply, config.ForWorker)
			if err != nil {
				t.Errorf("%v: %v", args, err)
				continue
			}
			a := draft.Answers{Path: path}
			flags := pflag.NewFlagSet("init", pflag.ContinueOnError)
			a.AddFlags(flags)
			if err := flags.Parse(append(append([]string{"--project", "my-project"}, mode...), other...)); err != nil {
				t.Fatal(err)
			}
			if want := a.Config(); got.String() != want.String() {
				t.Errorf("%v: got\n%s\nwant\n%s", args, got, want)
			}
		}
	}
}
