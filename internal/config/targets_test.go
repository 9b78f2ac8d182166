package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
)

func TestMatches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"name:Team", "Team", true},
		{"name:Team", "Teams", false},
		{"name:Team", "team", false},
		{"name:Team *", "Team North", true},
		{"name:Team *", "Team ", true},
		{"name:Team *", "Team", false},
		{"name:*", "", true},
		{"name:*", "whatever", true},
		{"name:T?am", "Täam", true},
		{"name:T?am", "Tam", false},
		{"name:*a*b", "xaybzb", true},
		{"name:*a*b", "xaybz", false},
		{"name:a*b*c", "abbbc", true},
		{"name:[ab].+", "[ab].+", true},
		{"name:[ab].+", "a..", false},
		{"spaces/AAQA", "AAQA", false},
	}
	for _, test := range tests {
		if got := (config.Target{Target: test.pattern}).Matches(test.name); got != test.want {
			t.Errorf("%s matches %q: got %v, want %v", test.pattern, test.name, got, test.want)
		}
	}
}

// FuzzMatches compares with the plain recursive definition.
func FuzzMatches(f *testing.F) {
	f.Add("*a?*b", "xaybzb")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 24 {
			t.Skip("the definition takes exponential time")
		}
		want := matches([]rune(pattern), []rune(name))
		if got := (config.Target{Target: "name:" + pattern}).Matches(name); got != want {
			t.Errorf("%q matches %q: got %v, want %v", pattern, name, got, want)
		}
	})
}

func matches(pattern, name []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == '*':
		return matches(pattern[1:], name) || len(name) > 0 && matches(pattern, name[1:])
	}
	return len(name) > 0 && (pattern[0] == '?' || pattern[0] == name[0]) && matches(pattern[1:], name[1:])
}

func TestAllFillsInWhatIsInherited(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	const created, message = "google.workspace.chat.membership.v1.created", "google.workspace.chat.message.v1.created"
	w := config.Workspace{
		Spaces:          []string{"spaces/A"},
		EventTypes:      []string{message, created},
		IncludeResource: true,
		Targets: []config.Target{
			{Target: "name:Team *", EventTypes: []string{created}},
			{Target: "spaces/-", IncludeResource: &no},
			{Target: "users/1"},
			{Target: "customers/my_customer"},
		},
	}
	want := []config.Target{
		{Target: "spaces/A", EventTypes: []string{message, created}, IncludeResource: &yes},
		{Target: "name:Team *", EventTypes: []string{created}, IncludeResource: &yes},
		{Target: "spaces/-", EventTypes: []string{message, created}, IncludeResource: &no},
		{Target: "users/1", EventTypes: []string{created}, IncludeResource: &yes}, // a user has no messages
		{Target: "customers/my_customer", EventTypes: []string{message, created}, IncludeResource: &yes},
	}
	if diff := cmp.Diff(want, w.All()); diff != "" {
		t.Errorf("all targets (-want +got):\n%s", diff)
	}
	if w.Targets[0].IncludeResource != nil {
		t.Error("filling in changed the configuration")
	}
	if got := (config.Workspace{}).All(); len(got) != 0 {
		t.Errorf("got %v of an empty workspace", got)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := map[string]config.TargetKind{
		"spaces/AAQA1":          config.KindSpace,
		"name:Team *":           config.KindName,
		"spaces/-":              config.KindSpaces,
		"users/1":               config.KindUser,
		"customers/my_customer": config.KindCustomer,
		"customers/C01abc234":   config.KindCustomer,
		"users/me":              "",
		"spaces/":               "",
		"rooms/AAQA":            "",
		"":                      "",
	}
	for target, want := range kinds {
		if got := (config.Target{Target: target}).Kind(); got != want {
			t.Errorf("%q: got kind %q, want %q", target, got, want)
		}
	}
	targets := map[config.TargetKind]events.Targets{
		config.KindSpace: events.OfSpaces, config.KindName: events.OfSpaces, config.KindSpaces: events.OfSpaces,
		config.KindUser: events.OfUsers, config.KindCustomer: events.OfCustomers,
	}
	for kind, want := range targets {
		types := kind.EventTypes()
		if diff := cmp.Diff(events.TypeNames(want), types); diff != "" {
			t.Errorf("event types of %s (-want +got):\n%s", kind, diff)
		}
		for _, name := range types {
			if kind == config.KindUser && !strings.Contains(name, "membership") && !strings.Contains(name, "State") && !strings.Contains(name, "availability") {
				t.Errorf("a user has %s", name)
			}
		}
	}
}

func TestDeadLetterTopicName(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{
		"":                      "projects/p/topics/chat-events-dead-letter",
		"rest":                  "projects/p/topics/rest",
		"projects/q/topics/all": "projects/q/topics/all",
	} {
		cfg := config.Config{Project: "p", PubSub: config.PubSub{Topic: "chat-events", DeadLetterTopic: topic}}
		if got := cfg.DeadLetterTopicName(); got != want {
			t.Errorf("dead_letter_topic %q: got %s, want %s", topic, got, want)
		}
	}
}

// TestFollowingIsEnough needs no target where spaces come by themselves.
func TestFollowingIsEnough(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Topic = "my-project", "chat-events"
	if err := cfg.Validate(config.ForApply); err == nil {
		t.Error("nothing to watch was accepted")
	}
	cfg.Keeper.OnAdded = true
	if err := cfg.Validate(config.ForApply); err != nil {
		t.Errorf("following the app: %v", err)
	}
}
