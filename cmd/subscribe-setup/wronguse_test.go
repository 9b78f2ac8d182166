package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// rightArgs are arguments with which the commands can be called; $A is a space.
var rightArgs = map[string][]string{
	"apply": {"--yes"}, "plan": nil, "list": nil, "status": nil, "spaces list": nil, "doctor": {"-o", "name"},
	"renew": {"$A"}, "reactivate": {"$A"}, "delete": {"$A"},
	"init": {"--no-input", "--project", "my-project", "--watch", "spaces/A"},
}

// wrongValues are refused by flags that take text.
var wrongValues = map[string]string{
	"--config": clitest.Any, "--out": clitest.Any, "--probe": "?",
	"--project": "?", "--auth": "?", "--credentials-file": "testdata/wrong.yaml", "--token-file": "testdata/wrong.yaml", "--subject": "?",
	"--topic": "?", "--subscription": "?", "--watch": "?", "--database": "?", "--password-file": "testdata",
}

// Whatever a command is given that it doesn't take, it says so, and exits as one
// that was called wrongly. A new command or flag needs its case here.
func TestWrongUseOfEveryCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var seen strings.Builder
	for _, args := range clitest.WrongUses(t, newRoot(&environment{}), rightArgs, wrongValues) {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, cli.Env{Out: &stdout, Err: &stderr, Getenv: noEnv})
		line := "subscribe-setup " + strings.Join(args, " ")
		if code != cli.Misused || stdout.Len() > 0 {
			t.Errorf("%s: got exit code %d, want %d:\n%s%s", line, code, cli.Misused, stdout.String(), stderr.String())
		}
		said := stderr.String()
		clitest.CheckWords(t, line, said)
		if i := strings.LastIndex(said, "\nUse \""); i >= 0 { // the help comes first
			_, said, _ = strings.Cut(said[i+1:], "\n")
		}
		fmt.Fprintf(&seen, "$ %s\n%s", line, said)
	}
	if _, err := os.Stat("spacekeeper.yaml"); err == nil {
		t.Error("init wrote a file")
	}
	x := &terminal{t: t, dir: dir}
	x.transcript.WriteString(seen.String())
	x.compare("wrong-use-of-every-command")
}

// Whatever is wrong with the configuration or the database, each command that
// needs it names it and says what mends it.
func TestWrongSurroundingsOfEveryCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	changed := func(statement string) string {
		dsn := storetest.NewDSN(t)
		s := storetest.Open(t, dsn, storetest.Options{})
		if _, err := s.Pool().Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		return dsn
	}
	const away = "postgres://keeper@127.0.0.1:1/spaces"
	good := file("spacekeeper.yaml", "pubsub: {subscription: chat-events-worker}\n")
	// They don't read the configuration, or write one.
	ignorant := []string{"init", "version", "help", "completion bash", "completion fish", "completion powershell", "completion zsh"}
	// They do without the database: what they do is Google's, and they say what is missing.
	without := []string{"list", "plan", "spaces list", "renew", "reactivate", "delete"}
	all := &terminal{t: t, dir: dir}
	for _, state := range []struct {
		name, config, dsn string
		want              int
	}{
		{"no such configuration file", filepath.Join(dir, "absent.yaml"), "", cli.Misconfigured},
		{"the configuration can't be read", dir, "", cli.Misconfigured},
		{"the configuration has an unknown key", file("wrong.yaml", "databse: {dsn: postgres://user@127.0.0.1/spaces}\n"), "", cli.Misconfigured},
		{"no database is configured", good, "", cli.OK},
		{"the database's address means nothing", good, "host=127.0.0.1 port=x", cli.Misconfigured},
		{"the database is away", good, away, cli.Failed},
		{"the database has no schema", good, storetest.EmptyDSN(t), cli.Misconfigured},
		{"the schema is older", good, changed("DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)"), cli.Misconfigured},
		{"the schema is newer", good, changed("UPDATE schema_compatibility SET oldest_binary = 1000; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, true)"),
			cli.Misconfigured},
	} {
		x := open(t, simulate.Options{})
		x.run(cli.OK, "apply")
		if state.dsn != "" {
			x.env["SPACEKEEPER_DATABASE_DSN"] = state.dsn
		}
		var same clitest.Same
		commands := clitest.Commands(newRoot(&environment{}))
		names := slices.Sorted(maps.Keys(commands))
		names = append(slices.DeleteFunc(names, func(n string) bool { return n == "delete" }), "delete") // the others need what it deletes
		for _, name := range names {
			if commands[name].HasSubCommands() || slices.Contains(ignorant, name) {
				continue
			}
			args, known := rightArgs[name]
			if !known {
				t.Errorf("%s: arguments are needed with which it can be called", name)
				continue
			}
			want := state.want
			switch {
			case state.config == good && slices.Contains(without, name):
				want = cli.OK
			case state.config == good && state.dsn == "":
				want = map[string]int{"doctor": cli.Misconfigured}[name] // it asks for the worker, too
			case state.config == good && (name == "status" || name == "doctor"):
				want = cli.Failed // they tell that it isn't well
			}
			args = append(strings.Fields(name), args...)
			x.transcript.Reset()
			x.run(want, append(args, "--config", state.config)...)
			_, said, _ := strings.Cut(x.transcript.String(), "\n")
			clitest.CheckWords(t, name, said)
			same.Add("subscribe-setup "+strings.Join(args, " "), strings.TrimSuffix(said, "\n"))
		}
		fmt.Fprintf(&all.transcript, "# %s\n%s", state.name, all.mask(same.String()))
	}
	all.compare("wrong-surroundings-of-every-command")
}
