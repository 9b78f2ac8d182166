package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
)

// rightArgs are arguments with which the commands can be called.
var rightArgs = map[string][]string{
	"backfill": {"--since", "1d"}, "reconcile-members": nil, "healthcheck": nil, "run": nil,
	"migrate up": nil, "migrate status": nil, "database roles": nil,
	"gaps list": nil, "gaps acknowledge": {"1", "--reason", "x"},
	"events show": {"spaces/A/spaceEvents/E"}, "events export": {"--since", "1d"},
	"tail":  nil,
	"stats": nil, "analytics export": {"fct_messages"}, "analytics rebuild": nil,
	"audit search": nil, "audit export": {"--to", "exported"}, "audit show": {"0660b3fc62a680e0"}, "audit verify": nil, "audit hold add": {"spaces/S", "--reason", "case 7"}, "audit hold list": nil, "audit hold remove": {"spaces/S"},
	"audit prove": {"0660b3fc62a680e0"}, "audit check": {"/absent/proof.json", "--key", "example.com/chat+8b461fda+ActusTvddtNp9xVDI+lzXJvlVZMHm1L7lM87G0aqIKOa"},
	"erase":           {"--user", "users/1", "--yes"},
	"audit key":       {"--log", "example.com/chat", "/absent/key"},
	"audit archive":   {"--month", "2026-08", "--to", "/nonexistent"},
	"quarantine list": nil, "quarantine show": {"00000000-0000-0000-0000-000000000001"}, "quarantine retry": nil,
	"projections rebuild": nil,
	"reactors lint":       nil, "reactors test": nil, "reactors schema": nil, "reactors preview": {"answer", "--space", "spaces/A"},
	"reactors replay": {"--all"}, "reactors diff": {ruleFile}, "reactors list": nil, "reactors runs": nil, "reactors runs show": {"1"},
	"reactors retry": {"--failed"}, "reactors pause": {"--all"}, "reactors resume": {"--all"},
}

// wrongValues are refused by flags that take text.
var wrongValues = map[string]string{
	// Of spaces only the database tells how they are called.
	"--config": clitest.Any, "--space": clitest.Any, "--member": "?", "--send-to": "?", "--outcome": "?", "--type": "?", "--after": "?", "--against": "?",
	"--log": "my log", "--key": "?",
	"erase --user": clitest.Any, "--reason": clitest.Any, // for people
	"--reactor": clitest.Any, "--file": clitest.Any, "--svg": clitest.Any, // only the rules tell
	"--group": "sales=?", "--from": "?", "--month": "?", "--to": clitest.Any, "--archive": "?",
	"analytics export --output": clitest.Any, "audit export --user": clitest.Any, "--format": "?",
	"--data-dir": clitest.Any, "--sabotage": "?", "--chat-addr": "?", "--workspace-events-addr": "?", "--pubsub-addr": "?",
}

// Whatever a command is given that it doesn't take, it says so, and exits as one
// that was called wrongly. A new command or flag needs its case here.
func TestWrongUseOfEveryCommand(t *testing.T) {
	t.Parallel()
	var seen strings.Builder
	for _, args := range clitest.WrongUses(t, newRoot(&environment{Env: cli.Env{}}), rightArgs, wrongValues) {
		code, stdout, stderr := call(t, environ{"SPACEKEEPER_REACTORS_FILE": ruleFile}, args...)
		line := "subscriber " + strings.Join(args, " ")
		if code != cli.Misused || stdout != "" {
			t.Errorf("%s: got exit code %d, want %d:\n%s%s", line, code, cli.Misused, stdout, stderr)
		}
		clitest.CheckWords(t, line, stderr)
		fmt.Fprintf(&seen, "$ %s\n%s", line, complaint(stderr))
	}
	golden(t, "wrong-use-of-every-command", seen.String())
}

// complaint is what was said after the help, if that was shown.
func complaint(stderr string) string {
	if i := strings.LastIndex(stderr, "\nUse \""); i >= 0 {
		_, stderr, _ = strings.Cut(stderr[i+1:], "\n")
	}
	return stderr
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
	const settings = "project: my-project\npubsub: {topic: chat-events, subscription: chat-events-worker}\n"
	good := file("spacekeeper.yaml", settings)
	unused := closedPort(t)
	env := environ{"SPACEKEEPER_REACTORS_FILE": ruleFile, "SPACEKEEPER_CHAT_ENDPOINT": "http://" + unused, "SPACEKEEPER_HEALTH_ADDR": unused}
	changed := func(statement string) string {
		dsn := migratedDatabase(t)
		conn, err := pgx.Connect(t.Context(), dsn)
		if err == nil {
			_, err = conn.Exec(t.Context(), statement)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		return dsn
	}
	ignorant := []string{"audit actions", "audit check", "audit key", "demo", "simulate", "version"} // of the configuration
	// These need no database; run waits for it and is tested by itself, and so are the ends of migrate.
	without := []string{"healthcheck", "reactors lint", "reactors test", "reactors schema", "run", "migrate up", "migrate status"}
	var seen strings.Builder
	for _, state := range []struct {
		name, config, dsn string
		want              int
	}{
		{"no such configuration file", filepath.Join(dir, "absent.yaml"), "", cli.Misconfigured},
		{"the configuration can't be read", dir, "", cli.Misconfigured},
		{"the configuration has an unknown key", file("wrong.yaml", settings+"databse: {dsn: postgres://user@127.0.0.1/spaces}\n"), "", cli.Misconfigured},
		{"no database is configured", good, "", cli.Misconfigured},
		{"the database's address means nothing", good, "host=127.0.0.1 port=x", cli.Misconfigured},
		{"the database is away", good, "postgres://keeper@" + unused + "/spaces", cli.Failed},
		{"the database has no schema", good, bareDatabase(t), cli.Misconfigured},
		{"the schema is older", good, changed("DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)"), cli.Misconfigured},
		{"the schema is newer", good, changed("UPDATE schema_compatibility SET oldest_binary = 1000; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, true)"),
			cli.Misconfigured},
	} {
		var same clitest.Same
		for _, name := range leaves(newRoot(&environment{Env: cli.Env{}}), "") {
			args, known := rightArgs[name]
			if !known && !slices.Contains(ignorant, name) {
				t.Errorf("%s: arguments are needed with which it can be called", name)
			}
			sought := !slices.Contains(without, name)
			if slices.Contains(ignorant, name) || !known || state.dsn != "" && !sought {
				continue
			}
			args = append(append(strings.Fields(name), args...), "--config", state.config)
			code, stdout, stderr := call(t, env.with("SPACEKEEPER_DATABASE_DSN", state.dsn), args...)
			if code != state.want && (sought || state.config != good) {
				t.Errorf("%s, %s: got exit code %d, want %d:\n%s%s", state.name, name, code, state.want, stdout, stderr)
			}
			clitest.CheckWords(t, name, stderr)
			switch n := strings.Count(stdout, "\n"); {
			case stderr != "":
			case n > 20:
				stderr = "more than 20 lines\n"
			default:
				stderr = fmt.Sprintf("%d lines\n", n)
			}
			same.Add("subscriber "+strings.Join(args[:len(args)-2], " "), fmt.Sprintf("%s(exit %d)\n", stderr, code))
		}
		fmt.Fprintf(&seen, "# %s\n%s", state.name, same.String())
	}
	text := strings.NewReplacer(dir, "DIR", unused, "127.0.0.1:PORT", strings.TrimPrefix(unused, "127.0.0.1:"), "PORT").Replace(seen.String())
	golden(t, "wrong-surroundings-of-every-command", text)
}
