package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
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
	quoted, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	// An event and a message in quarantine hold it as it is, and so does why there was a gap.
	for id, end := range map[string]string{"H": "}}", "Q": ""} {
		d := events.Delivery{MessageID: id, PublishTime: time.Now(), ReceivedAt: time.Now(), Origin: events.OriginLive, Attributes: map[string]string{
			"ce-id": space + "/spaceEvents/" + id, "ce-source": "//workspaceevents.googleapis.com/subscriptions/s1", "ce-specversion": "1.0",
			"ce-type": "google.workspace.chat.message.v1.created", "ce-datacontenttype": "application/json", "ce-subject": "//chat.googleapis.com/" + space,
			"ce-time": time.Now().UTC().Format(time.RFC3339), "more": hostile,
		}, Data: []byte("{\r\n\t\"message\":{\"name\":\"" + space + "/messages/" + id + "\",\"text\":" + string(quoted) + end)}
		d.Event, d.Malformed = events.Decode(d.Attributes, d.Data)
		if _, err := db.Record(t.Context(), []events.Delivery{d}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Pool().Exec(t.Context(), `
		INSERT INTO coverage (scope, from_time, to_time, source, cause, repair, detail)
		VALUES ($1, now() - interval '2 hours', now() - interval '1 hour', 'gap', 'expired', 'impossible', $2)`, space, hostile); err != nil {
		t.Fatal(err)
	}
	kept := storetest.Value[string](t, db, `SELECT quarantine_key::text FROM quarantine`)
	gap := storetest.Value[string](t, db, `SELECT id::text FROM coverage`)
	// It stands in for Google and for the worker, and answers every call alike.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": 403, "status": "PERMISSION_DENIED", "message": hostile}})
		_, _ = w.Write([]byte(hostile))
	}))
	t.Cleanup(server.Close)
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
		"run": nil, "demo": nil, "simulate": nil, "tail": nil, // they run until they are stopped, and print logs
		"reactors list":      {{}, {"-o", "json"}, {"--file", broken}},
		"reactors lint":      {{"--file", other}, {"--file", broken}},
		"reactors test":      {{"--file", other}},
		"reactors preview":   {{"welcome", "--space", space}, {"answer", "--space", space}, {"answer", "--space", hostile}, {"answer", "--space", "Nobody's"}},
		"reactors replay":    {{"--all", "--since", "1d"}, {"--all", "--since", "1d", "-o", "json"}},
		"reactors diff":      {{other, "--since", "1d"}, {other, "--since", "1d", "-o", "json"}},
		"reactors runs":      {{}, {"-o", "json"}},
		"reactors runs show": {{"1"}, {"3", "--content"}, {"6", "-o", "json"}, {"1", "--as-test"}, {"6", "--as-test"}},
		"reactors retry":     {{"6"}, {"--failed", "--reactor", "week"}},
		"reactors pause":     {{"welcome", "--reason", hostile}, {"--all", "--reason", hostile}, {hostile}},
		"reactors resume":    {{hostile}, {"--all"}},
		"backfill":           {{"--since", "1d"}, {"--since", "1d", "--space", space}},
		"reconcile-members":  {{}},
		"events show":        {{space + "/spaceEvents/H"}, {hostile}},
		"events export":      {{"--since", "1d"}},
		"quarantine list":    {{}, {"-o", "json"}},
		"quarantine show":    {{kept}},
		"quarantine retry":   {{kept}},
		"gaps list":          {{}, {"-o", "json"}},
		"gaps acknowledge":   {{gap, "--reason", hostile}},
		"migrate up":         {{}},
		"stats":              {{"--space", space}, {"--space", hostile}, {"-o", "csv"}},
		"analytics export":   {{"dim_spaces"}, {"dim_members", "--format", "jsonl"}, {hostile}},
		"database roles":     {{"--print", "--group", hostile}},
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
			} else if slices.Contains([]string{"events show", "events export", "quarantine show"}, name) {
				t.Errorf("%s shows nothing hostile: this can't fail", strings.Join(args, " "))
			}
		}
	}
	walk(newRoot(&environment{Env: cli.Env{}}))
	if shown < 8 {
		t.Errorf("%d commands show something hostile: this test can't fail", shown)
	}
	leavesATrace(t, env, db, [][]string{
		{"events", "show", space + "/spaceEvents/H"}, {"events", "export", "--since", "1d"}, {"quarantine", "show", kept},
		{"reactors", "runs", "show", "3", "--content"}, {"analytics", "export", "fct_messages"},
		{"audit", "search", "--show-content"}, {"audit", "search", "owned"},
	})
}

// leavesATrace checks of calls that show what people wrote that the trail has each,
// and that none shows anything where the trail takes nothing.
func leavesATrace(t *testing.T, env environ, db *storetest.Env, calls [][]string) {
	t.Helper()
	rows := func() int {
		return storetest.Value[int](t, db, `SELECT count(*)::int FROM trail WHERE action ~ '^(access|export)'`)
	}
	for _, args := range calls {
		before := rows()
		if code, _, stderr := call(t, env, append(args, "--reason", "case 7")...); code != 0 || rows() == before {
			t.Errorf("%q ends with %d, and the trail has nothing of it: %s", args, code, stderr)
		}
	}
	if _, err := db.Pool().Exec(t.Context(), `ALTER FUNCTION analytics.record_action RENAME TO gone`); err != nil {
		t.Fatal(err)
	}
	for _, args := range calls {
		if code, stdout, stderr := call(t, env, args...); code == 0 || stdout != "" || !strings.Contains(stderr, "without which it isn't done") {
			t.Errorf("%q without a trail ends with %d: %s%s", args, code, stdout, stderr)
		}
	}
}
