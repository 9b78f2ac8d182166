package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
)

// Row D6: whatever spaces and people are called, rules say and Google answers,
// no command does anything to the terminal but show it.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	const space = "spaces/AAQAtX4kZ1c"
	hostile := strings.ReplaceAll(clitest.Hostile, "\x00", "") // Postgres can't hold it
	dsn := migratedDatabase(t)
	db := past(t, dsn, space)
	for _, statement := range []string{
		"UPDATE spaces SET display_name = $1", "UPDATE users SET display_name = $1",
		"UPDATE reactor_runs SET reason = $1 WHERE reason IS NOT NULL",
	} {
		if _, err := db.Pool().Exec(t.Context(), statement, hostile); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	// It stands in for Google and for the worker, and answers every call alike.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": 403, "status": "PERMISSION_DENIED", "message": hostile}})
		_, _ = w.Write([]byte(hostile))
	}))
	t.Cleanup(server.Close)
	quoted, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(other, []byte(`reactors:
  - {id: welcome, mode: live, on: member.joined, do: [{send: {text: `+string(quoted)+`}}]}
tests:
  - {name: `+string(quoted)+`, reactor: welcome, given: [join@0], expect: {texts: [`+string(quoted)+`, "Hello"]}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("reactors:\n  - id: a\n    on: member.join # "+hostile+"\n    dew: "+string(quoted)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := environ{
		"SPACEKEEPER_REACTORS_FILE": ruleFile, "SPACEKEEPER_DATABASE_DSN": dsn, "SPACEKEEPER_WORKSPACE_SPACES": space,
		"SPACEKEEPER_CHAT_ENDPOINT": server.URL, "SPACEKEEPER_PROJECT": "my-project",
		"SPACEKEEPER_HEALTH_ADDR": strings.TrimPrefix(server.URL, "http://"),
	}
	calls := map[string][][]string{
		"run": nil, "demo": nil, "simulate": nil, // they run until they are stopped, and print logs
		"reactors list":      {{}, {"-o", "json"}},
		"reactors lint":      {{other}, {broken}},
		"reactors test":      {{other}},
		"reactors preview":   {{"welcome", "--space", space}, {"answer", "--space", space}},
		"reactors replay":    {{"--all", "--since", "1d"}, {"--all", "--since", "1d", "-o", "json"}},
		"reactors diff":      {{other, "--since", "1d"}, {other, "--since", "1d", "-o", "json"}},
		"reactors runs":      {{}, {"-o", "json"}},
		"reactors runs show": {{"1"}, {"3", "--content"}, {"6", "-o", "json"}, {"1", "--as-test"}, {"6", "--as-test"}},
		"reactors retry":     {{"6"}, {"--failed", "--reactor", "week"}},
		"reactors pause":     {{"welcome", "--reason", hostile}, {"--all", "--reason", hostile}, {hostile}},
		"reactors resume":    {{hostile}, {"--all"}},
		"backfill":           {{"--since", "1d"}, {"--since", "1d", "--space", space}},
		"reconcile-members":  {{}},
		"migrate up":         {{}},
		"healthcheck":        {{}, {"--live"}},
	}
	shown := 0
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		name := strings.TrimPrefix(c.CommandPath(), "subscriber ")
		for _, child := range c.Commands() {
			walk(child)
		}
		if !c.Runnable() || c.Name() == "help" || c.Name() == "completion" || c.HasParent() && c.Parent().Name() == "completion" {
			return
		}
		list, known := calls[name]
		if !known {
			list = [][]string{{}} // a newer command, or a group of them
		}
		for _, args := range list {
			args := append(strings.Fields(name), args...)
			code, stdout, stderr := call(t, env, args...)
			text := transcript(args[:len(strings.Fields(name))], code, stdout, stderr)
			clitest.CheckOutput(t, strings.Join(args, " "), text)
			if strings.Contains(text, "0;owned") {
				shown++
			}
		}
	}
	walk(newRoot(&environment{cli.Env{}}))
	if shown < 8 {
		t.Errorf("%d commands show something hostile: this test can't fail", shown)
	}
}
