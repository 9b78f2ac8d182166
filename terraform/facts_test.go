// Package terraform holds no code: its tests compare the configuration with
// the documents that describe the same resources.
package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/provision"
)

// facts are what the guide's commands, the facts of internal/provision and
// this configuration decide.
type facts struct {
	Services      []string
	Topics        []string
	Subscriptions map[string]map[string]string // by name, as gcloud's flags
	Grants        []string
	Roles         map[string]string // permissions of custom ones
}

func (f *facts) sort() {
	slices.Sort(f.Services)
	slices.Sort(f.Topics)
	slices.Sort(f.Grants)
}

// commandFacts are what the gcloud commands in a document decide.
func commandFacts(t *testing.T, text string) facts {
	t.Helper()
	f := facts{Subscriptions: map[string]map[string]string{}, Roles: map[string]string{}}
	for _, c := range gcloudCommands(text) {
		delete(c.flags, "--project")
		last := c.words[len(c.words)-1]
		switch {
		case c.is("gcloud", "services", "enable"):
			f.Services = append(f.Services, c.words[3:]...)
		case c.is("gcloud", "pubsub", "topics", "create"):
			f.Topics = append(f.Topics, last)
		case c.is("gcloud", "pubsub", "subscriptions", "create"):
			f.Subscriptions[last] = map[string]string{}
			for flag, value := range c.flags {
				f.Subscriptions[last][flag] = canonical(t, flag, value)
			}
		case c.is("gcloud", "iam", "roles", "create"):
			f.Roles[last] = inOrder(c.flags["--permissions"])
		case c.is("gcloud", "pubsub", "topics", "add-iam-policy-binding"), c.is("gcloud", "pubsub", "subscriptions", "add-iam-policy-binding"):
			f.Grants = append(f.Grants, fmt.Sprintf("%s %s: %s to %s", strings.TrimSuffix(c.words[2], "s"), last, c.flags["--role"], c.flags["--member"]))
		}
	}
	f.sort()
	return f
}

// provisionFacts are what subscribe-setup checks and makes.
func provisionFacts(t *testing.T) facts {
	t.Helper()
	names := provision.Names{
		Topic:                  "projects/" + guideProject + "/topics/chat-events",
		Subscription:           "projects/" + guideProject + "/subscriptions/chat-events-worker",
		DeadLetterTopic:        "projects/" + guideProject + "/topics/chat-events-dead-letter",
		DeadLetterSubscription: "projects/" + guideProject + "/subscriptions/chat-events-dead-letter",
	}
	commands := names.Facts(guideNumber, "serviceAccount:spacekeeper@"+guideProject+".iam.gserviceaccount.com").Commands()
	return commandFacts(t, "```sh\n"+strings.Join(commands, "\n")+"\n```")
}

// inOrder sorts a list that is separated by commas or spaces.
func inOrder(list string) string {
	words := strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("[], \n", r) })
	slices.Sort(words)
	return strings.Join(words, ",")
}

// flags names gcloud's flag for each of a subscription's attributes.
func flags() map[string]string {
	return map[string]string{
		"topic":                                    "--topic",
		"ack_deadline_seconds":                     "--ack-deadline",
		"message_retention_duration":               "--message-retention-duration",
		"retain_acked_messages":                    "--retain-acked-messages",
		"expiration_policy.ttl":                    "--expiration-period",
		"retry_policy.minimum_backoff":             "--min-retry-delay",
		"retry_policy.maximum_backoff":             "--max-retry-delay",
		"dead_letter_policy.dead_letter_topic":     "--dead-letter-topic",
		"dead_letter_policy.max_delivery_attempts": "--max-delivery-attempts",
		"enable_message_ordering":                  "--enable-message-ordering",
		"enable_exactly_once_delivery":             "--enable-exactly-once-delivery",
		"filter":                                   "--message-filter",
	}
}

// canonical brings both ways to write a value together.
func canonical(t *testing.T, flag, value string) string {
	t.Helper()
	switch flag {
	case "--expiration-period":
		if value == "" {
			return "never"
		}
	case "--ack-deadline":
		value += "s"
		fallthrough
	case "--message-retention-duration", "--min-retry-delay", "--max-retry-delay":
		days := regexp.MustCompile(`^(\d+)d$`).FindStringSubmatch(value)
		if days != nil {
			value = days[1] + "h"
		}
		d, err := time.ParseDuration(value)
		if err != nil {
			t.Errorf("%s=%s: %v", flag, value, err)
		}
		if days != nil {
			d *= 24
		}
		return d.String()
	}
	return value
}

func moduleFacts(t *testing.T, m module) facts {
	t.Helper()
	f := facts{Subscriptions: map[string]map[string]string{}, Roles: map[string]string{}}
	for _, role := range m.blocks("resource.google_project_iam_custom_role") {
		f.Roles[m.value(t, role+".role_id")] = inOrder(m.value(t, role+".permissions"))
	}
	f.Services = strings.FieldsFunc(m.value(t, "locals.apis"), func(r rune) bool { return strings.ContainsRune("[], \n", r) })
	for _, topic := range m.blocks("resource.google_pubsub_topic") {
		f.Topics = append(f.Topics, m.value(t, topic+".name"))
	}
	for _, subscription := range m.blocks("resource.google_pubsub_subscription") {
		if m[subscription+".count"] == "local.bigquery" { // off by default
			continue
		}
		settings := map[string]string{}
		for place := range m {
			attribute, ok := strings.CutPrefix(place, subscription+".")
			if !ok || slices.Contains([]string{"name", "project", "depends_on"}, attribute) {
				continue
			}
			flag, ok := flags()[attribute]
			if !ok {
				t.Errorf("%s: which of gcloud's flags is it?", place)
			}
			if value := m.value(t, place); value != "false" { // gcloud's default
				settings[flag] = canonical(t, flag, value)
			}
		}
		f.Subscriptions[m.value(t, subscription+".name")] = settings
	}
	for _, kind := range []string{"topic", "subscription"} {
		for _, grant := range slices.Concat(m.blocks("resource.google_pubsub_"+kind+"_iam_member"), m.blocks("resource.google_pubsub_"+kind+"_iam_binding")) {
			if m[grant+".count"] == "local.bigquery" {
				continue
			}
			attribute := ".member"
			if strings.Contains(grant, "_iam_binding.") {
				attribute = ".members"
			}
			for _, member := range regexp.MustCompile(`[^\s\[\](),]+@[^\s\[\](),]+`).FindAllString(m.value(t, grant+attribute), -1) {
				f.Grants = append(f.Grants, fmt.Sprintf("%s %s: %s to %s", kind, m.value(t, grant+"."+kind), m.value(t, grant+".role"), member))
			}
		}
	}
	f.sort()
	return f
}

// Who follows the guide and who applies this configuration get the same: every
// API, topic, subscription, role and grant.
func TestGuideAgrees(t *testing.T) {
	t.Parallel()
	m := readModule(t)
	want := commandFacts(t, guide(t))
	if len(want.Subscriptions) != 2 || len(want.Topics) != 2 || len(want.Grants) != 5 || len(want.Roles) != 1 || len(want.Services) == 0 {
		t.Fatalf("the guide's commands aren't understood: %+v", want)
	}
	if diff := cmp.Diff(want, moduleFacts(t, m)); diff != "" {
		t.Errorf("the guide's commands and the configuration differ (-guide +terraform):\n%s", diff)
	}
	addOns := strings.ReplaceAll(strings.TrimPrefix(m.value(t, "locals.add_ons"), "serviceAccount:"), guideNumber, "$NUMBER")
	if !strings.Contains(guide(t), addOns) {
		t.Errorf("the guide doesn't name %s, which publishes for an add-on", addOns)
	}
}

// Row P13: what subscribe-setup finds right is what this configuration makes,
// in every number. What the project needs beside Pub/Sub is not its business.
func TestProvisionAgrees(t *testing.T) {
	t.Parallel()
	want := provisionFacts(t)
	if len(want.Subscriptions) != 2 || len(want.Topics) != 2 || len(want.Grants) != 5 {
		t.Fatalf("the commands of internal/provision aren't understood: %+v", want)
	}
	got := moduleFacts(t, readModule(t))
	got.Services, got.Roles = nil, map[string]string{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("internal/provision and the configuration differ (-provision +terraform):\n%s", diff)
	}
}

// The snippet is a configuration as both binaries read it.
func TestSnippet(t *testing.T) {
	t.Parallel()
	m := readModule(t)
	snippet := strings.TrimSuffix(strings.TrimPrefix(m.value(t, "output.spacekeeper_yaml.value"), "<<-EOT\n"), "EOT")
	// The scanner trims lines; three keys are within pubsub.
	snippet = strings.NewReplacer("\ntopic:", "\n  topic:", "\nsubscription:", "\n  subscription:", "\ndead_letter_topic:", "\n  dead_letter_topic:").Replace(snippet)
	path := filepath.Join(t.TempDir(), "spacekeeper.yaml")
	rest := "database: {dsn: postgres://spacekeeper@127.0.0.1:5432/spacekeeper}\nworkspace: {spaces: [spaces/AAQAtX4kZ1c]}\n"
	if err := os.WriteFile(path, []byte(snippet+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, func(string) string { return "" }, config.ForWorker, config.ForApply)
	if err != nil {
		t.Fatalf("%v\n%s", err, snippet)
	}
	got := []string{cfg.Project, cfg.PubSub.Topic, cfg.PubSub.Subscription, cfg.PubSub.DeadLetterTopic}
	want := []string{guideProject, "chat-events", "chat-events-worker", "chat-events-dead-letter"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the snippet's values differ (-want +got):\n%s", diff)
	}
}

// This folder's README lists every input with its default, and every output.
func TestReadmeTables(t *testing.T) {
	t.Parallel()
	m := readModule(t)
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(string(text), -1) {
		got = append(got, row[1])
	}
	for _, kind := range []string{"variable", "output"} {
		for _, block := range m.blocks(kind) {
			name := strings.TrimPrefix(block, kind+".")
			want = append(want, name)
			if m[block+".description"] == "" {
				t.Errorf("%s has no description", block)
			}
			if kind == "output" {
				continue
			}
			if m[block+".type"] == "" {
				t.Errorf("%s has no type", block)
			}
			if value, ok := m[block+".default"]; ok && !regexp.MustCompile("(?m)^\\| `"+name+"` \\|.*\\| `"+regexp.QuoteMeta(value)+"` \\|").Match(text) {
				t.Errorf("the table doesn't show %s's default %s", name, value)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tables differ (-.tf +README):\n%s", diff)
	}

	// What the steps after an apply ask for, each example tells.
	examples, err := filepath.Glob("examples/*/main.tf")
	if err != nil || len(examples) == 0 {
		t.Fatalf("examples: %v, %v", examples, err)
	}
	for _, path := range examples {
		example, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, output := range []string{"topic", "oauth_client_ids", "setup_service_account", "spacekeeper_yaml"} {
			if !strings.Contains(string(example), "value       = module.spacekeeper."+output+"\n") {
				t.Errorf("%s doesn't output %s", path, output)
			}
		}
	}
}

// A database in Cloud SQL has the settings that docs/capacity.md recommends.
func TestDatabaseSettings(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "capacity.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"cloudsql.iam_authentication": "on"}
	for _, set := range regexp.MustCompile(`(?m)^ALTER SYSTEM SET (\w+) = '?(\w+)'?;`).FindAllStringSubmatch(string(text), -1) {
		// Cloud SQL takes seconds and megabytes.
		want[set[1]] = map[string]string{"30min": "1800", "8GB": "8192", "on": "on"}[set[2]]
	}
	got := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^"?([\w.]+)"?\s*= "(\w+)"$`).FindAllStringSubmatch(readModule(t)["locals.database_flags"], -1) {
		got[line[1]] = line[2]
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 4 {
		t.Errorf("settings differ (-docs +terraform):\n%s", diff)
	}
}
