package config_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func noEnv(string) string { return "" }

func env(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func TestLoadReportsEveryMistake(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(file, noEnv, config.ForWorker, config.ForApply)
			var bad *config.Error
			if !errors.As(err, &bad) {
				t.Fatalf("got error %v, want a *config.Error", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the report shows a secret")
			}
		})
	}
}

func TestLoadReportsTheEnvironment(t *testing.T) {
	t.Parallel()
	_, err := config.Load("", env(map[string]string{
		"SPACEKEEPER_PUBSUB_MAX_OUTSTANDING_MESSAGES":  "0",
		"SPACEKEEPER_DATABASE_DSN":                     "postgres://app:hunter2@db/x",
		"SPACEKEEPER_WORKSPACE_SPACES":                 "spaces/AAQA1, AAQA2",
		"SPACEKEEPER_WORKSPACE_INCLUDE_RESOURCE":       "maybe",
		"SPACEKEEPER_SHUTDOWN_GRACE":                   "25",
		"SPACEKEEPER_CHAT_ENDPOINT":                    "http://proxy.example/",
		"SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT":        "127.0.0.1:80",
		"SPACEKEEPER_SERVICE_USAGE_ENDPOINT":           "http://proxy.example/",
		"SPACEKEEPER_RESOURCE_MANAGER_ENDPOINT":        "localhost",
		"PUBSUB_EMULATOR_HOST":                         "http://127.0.0.1:8085",
		"SPACEKEEPER_CHAT_WRITES_PER_MINUTE_PER_SPACE": "many",
		"SPACEKEEPER_PUBSUB_MAX_OUTSTANDING_BYTES":     "9223372036854775807GiB",
		"SPACEKEEPER_DATABASE_MAX_CONNS":               "99999999999999999999",
		"SPACEKEEPER_REACTORS_WEBHOOK_ALLOW":           "everywhere",
		"SPACEKEEPER_WORKSPACE_EVENT_TYPES":            ",",
		"SPACEKEEPER_WORKSPACE_TARGETS":                "spaces/-",
		"SPACEKEEPER_AUTH_MODE":                        "User",
		"SPACEKEEPER_AUTH_TOKEN_FILE":                  "testdata/absent.json",
		"SPACEKEEPER_KEEPER_ENABLED":                   "1",
		"SPACEKEEPER_BACKFILL_OVERLAP":                 "-1s",
	}), config.ForWorker, config.ForApply)
	if err == nil {
		t.Fatal("got no error")
	}
	golden(t, "testdata/environment.golden", err.Error()+"\n")
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the report shows a secret")
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", file, diff)
	}
}

func TestLoadExample(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load("../../spacekeeper.example.yaml", noEnv, config.ForWorker, config.ForMigrate, config.ForApply)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.TopicName(), "projects/my-project/topics/chat-events"; got != want {
		t.Errorf("got topic %q, want %q", got, want)
	}
	if got, want := cfg.SubscriptionName(), "projects/my-project/subscriptions/chat-events-worker"; got != want {
		t.Errorf("got subscription %q, want %q", got, want)
	}
	if got, want := len(cfg.Workspace.EventTypes), len(config.EventTypes()); got != want {
		t.Errorf("got %d event types, want %d", got, want)
	}
}

func TestExampleShowsEveryKey(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../spacekeeper.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(config.Default().String()) {
		path, _, _ := strings.Cut(line, "=")
		key := path[strings.LastIndex(path, ".")+1:]
		if key != "" && !strings.Contains(string(raw), key+":") {
			t.Errorf("the example doesn't show %s", path)
		}
	}
}

func TestLoadWithoutFileGivesDefaults(t *testing.T) {
	t.Parallel()
	got, err := config.Load("", noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if err := config.Default().Validate(); err != nil {
		t.Errorf("validate the defaults: %v", err)
	}
}

// A duration is written as it is in rules and flags.
func TestDurationsInDays(t *testing.T) {
	t.Parallel()
	const variable = "SPACEKEEPER_BACKFILL_OVERLAP"
	got, err := config.Load("", env(map[string]string{variable: "0.01d"}))
	if err != nil || got.Backfill.Overlap != 864*time.Second {
		t.Errorf("got %s, %v; want 14m24s", got.Backfill.Overlap, err)
	}
	if _, err = config.Load("", env(map[string]string{variable: "1d"})); err == nil || !strings.Contains(err.Error(), "backfill.overlap is 1d; it must be from 0s to 1h") {
		t.Errorf("got error %v, want one about the limit", err)
	}
}

func TestLoadMissingFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load("testdata/absent.yaml", noEnv, config.ForWorker)
	if err == nil || !strings.Contains(err.Error(), "testdata/absent.yaml: no such file") {
		t.Errorf("got error %v, want one that names the file", err)
	}
}

func TestEnvironmentOverridesFile(t *testing.T) {
	t.Parallel()
	got, err := config.Load("../../spacekeeper.example.yaml", env(map[string]string{
		"SPACEKEEPER_PROJECT":                          "other-project",
		"SPACEKEEPER_PUBSUB_MAX_OUTSTANDING_BYTES":     "1GiB",
		"SPACEKEEPER_WORKSPACE_SPACES":                 "spaces/A, spaces/B,spaces/C",
		"SPACEKEEPER_REACTORS_FILE":                    "rules/ours.yaml",
		"SPACEKEEPER_REACTORS_WEBHOOK_ALLOW":           "10.1.2.0/24",
		"SPACEKEEPER_CHAT_WRITES_PER_MINUTE_PER_SPACE": "60",
		"SPACEKEEPER_PROOF_KEY_FILE":                   "proof-key",
		"SPACEKEEPER_PROOF_COPIES":                     "gs://bucket/a, https://example.com/hook?x=y",
		"SPACEKEEPER_HEALTH_ADDR":                      "off",
		"SPACEKEEPER_AUTH_MODE":                        "user",
		"SPACEKEEPER_AUTH_TOKEN_FILE":                  "testdata/credentials/user.json",
		"SPACEKEEPER_PUBSUB_DEAD_LETTER_TOPIC":         "rest",
		"SPACEKEEPER_KEEPER_INTERVAL":                  "10m",
		"SPACEKEEPER_BACKFILL_AUTO":                    "false",
		"SPACEKEEPER_CHAT_ENDPOINT":                    "http://[::1]:9000",
		"SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT":        "https://proxy.example/events",
		"SPACEKEEPER_SERVICE_USAGE_ENDPOINT":           "http://127.0.0.1:9001",
		"SPACEKEEPER_RESOURCE_MANAGER_ENDPOINT":        "http://127.0.0.1:9002",
		"PUBSUB_EMULATOR_HOST":                         "localhost:8085",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Project = "other-project"
	want.PubSub.Topic, want.PubSub.Subscription = "chat-events", "chat-events-worker"
	want.PubSub.MaxOutstandingBytes = 1 << 30
	want.Database.DSN = "postgres://spacekeeper@127.0.0.1:5432/spacekeeper"
	want.Workspace.Spaces = []string{"spaces/A", "spaces/B", "spaces/C"}
	names := false
	want.Workspace.Targets = []config.Target{{Target: "name:Team *"}, {
		Target:          "spaces/AAQA7cK2mLo",
		EventTypes:      []string{"google.workspace.chat.membership.v1.created", "google.workspace.chat.membership.v1.deleted"},
		IncludeResource: &names,
	}}
	want.Reactors.File = "rules/ours.yaml"
	want.Reactors.WebhookAllow = []string{"10.1.2.0/24"}
	want.Chat.WritesPerMinutePerSpace = 60
	want.Proof = config.Proof{KeyFile: "proof-key", Copies: []string{"gs://bucket/a", "https://example.com/hook?x=y"}}
	want.Health.Addr = ""
	want.Auth = config.Auth{Mode: config.AuthUser, TokenFile: "testdata/credentials/user.json"}
	want.PubSub.DeadLetterTopic = "rest"
	want.Keeper.Interval = 10 * time.Minute
	want.Backfill.Auto = false
	want.Endpoints = config.Endpoints{
		Chat:            "http://[::1]:9000",
		WorkspaceEvents: "https://proxy.example/events",
		ServiceUsage:    "http://127.0.0.1:9001",
		ResourceManager: "http://127.0.0.1:9002",
		PubSubEmulator:  "localhost:8085",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

// What is deployed is read as it is, but for where its secrets are.
func TestLoadDeployed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"dsn", "postgres-password"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("host=postgres"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, way := range []string{"compose/config", "kubernetes/worker", "systemd"} {
		raw, err := os.ReadFile(filepath.Join("../../deploy", way, "spacekeeper.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "spacekeeper.yaml")
		if err := os.WriteFile(file, bytes.ReplaceAll(raw, []byte("/run/secrets"), []byte(dir)), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file, noEnv)
		if err != nil {
			t.Errorf("%s: %v", way, err)
		}
		if got, want := cfg.Reactors.File, "/etc/spacekeeper/reactors.yaml"; got != want {
			t.Errorf("%s: rules in %q, want %q", way, got, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "../../spacekeeper.example.yaml") {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := filepath.Join(t.TempDir(), "spacekeeper.yaml")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file, noEnv)
		if err != nil {
			var bad *config.Error
			if !errors.As(err, &bad) || len(bad.Mistakes) == 0 {
				t.Fatalf("got error %v without mistakes", err)
			}
			return
		}
		if err := cfg.Validate(); err != nil {
			t.Errorf("loaded, but doesn't validate: %v", err)
		}
	})
}
