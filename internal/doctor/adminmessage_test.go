package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/events"
)

func TestAdminMessage(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key.json")
	content := `{"type":"service_account","client_email":"bot@my-project.iam.gserviceaccount.com","client_id":"117","project_id":"my-project","private_key":"CANARY"}`
	if err := os.WriteFile(key, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	consent := filepath.Join(t.TempDir(), "consent.json")
	content = `{"type":"authorized_user","client_id":"42.apps","client_secret":"CANARY","refresh_token":"CANARY"}`
	if err := os.WriteFile(consent, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	adds := []Rule{{ID: "invite", Mode: "shadow", Chat: []string{"add_member"}}}
	reacts := []Rule{{ID: "thanks", Mode: live, Chat: []string{"react"}}}
	tests := map[string]struct {
		auth      config.Auth
		target    string
		rules     []Rule
		want, not []string
	}{
		"app": {
			auth: config.Auth{Mode: config.AuthApp, CredentialsFile: key},
			want: []string{"project my-project", "acts as bot@my-project.iam", "auth/chat.app.messages.readonly\n", "auth/chat.app.memberships.readonly\n", "spaces that the app is in"},
			not:  []string{"chat.bot", "auth/chat.app.memberships\n", "delegation"},
		},
		"app of the organization": {
			auth: config.Auth{Mode: config.AuthApp, CredentialsFile: key}, target: "customers/my_customer",
			want: []string{"auth/chat.app.all.messages.readonly\n", "all spaces of the organization"}, not: []string{"chat.app.messages"},
		},
		"app that adds members": {
			auth: config.Auth{Mode: config.AuthApp, CredentialsFile: key}, rules: adds, want: []string{"auth/chat.app.memberships\n"},
		},
		"rule that is off": {
			auth: config.Auth{Mode: config.AuthApp, CredentialsFile: key}, rules: []Rule{{Mode: off, Chat: []string{"add_member"}}},
			not: []string{"auth/chat.app.memberships\n"},
		},
		"unknown account": {
			auth: config.Auth{Mode: config.AuthApp, CredentialsFile: key + ".missing"}, want: []string{"the Chat app's service account in that project"},
		},
		"delegation": {
			auth: config.Auth{Mode: config.AuthImpersonate, CredentialsFile: key, Subject: "keeper@example.com"}, rules: reacts,
			want: []string{"Client ID     117\n", "keeper@example.com", "auth/chat.messages.readonly", "auth/chat.messages.reactions.create"},
			not:  []string{"Marketplace", "chat.app."},
		},
		"delegation, and rules of the app": {
			auth: config.Auth{Mode: config.AuthImpersonate, CredentialsFile: key, Subject: "keeper@example.com"}, rules: adds,
			want: []string{"Client ID     117\n", "Marketplace", "auth/chat.app.memberships\n"},
		},
		"consent": {
			auth: config.Auth{Mode: config.AuthUser, TokenFile: consent},
			want: []string{"Client ID     42.apps\n", "auth/chat.messages.readonly\n"}, not: []string{"Marketplace"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config.Config{Project: "my-project", Auth: test.auth}
			cfg.Workspace.Targets = []config.Target{{Target: "spaces/AAQAtX4kZ1c", EventTypes: events.TypeNames(events.OfSpaces)}}
			if test.target != "" {
				cfg.Workspace.Targets[0].Target = test.target
			}
			got := AdminMessage(cfg, test.rules)
			for _, part := range test.want {
				if !strings.Contains(got, part) {
					t.Errorf("it lacks %q:\n%s", part, got)
				}
			}
			for _, part := range append(test.not, "CANARY", "%!", "  \n      \n") {
				if strings.Contains(got, part) {
					t.Errorf("it has %q:\n%s", part, got)
				}
			}
		})
	}
}

// Whatever is asked for is explained in words.
func TestScopesAreExplained(t *testing.T) {
	t.Parallel()
	scopes := []string{membershipsScope, reactionsScope}
	for _, mode := range []string{config.AuthApp, config.AuthUser} {
		for _, kind := range []config.TargetKind{config.KindSpace, config.KindUser, config.KindCustomer} {
			for _, name := range append(events.TypeNames(events.OfSpaces), events.TypeNames(events.OfUsers)...) {
				scopes = append(scopes, credentials.ScopeFor(mode, kind, name))
			}
		}
	}
	seen := map[string]string{}
	for _, scope := range slices.DeleteFunc(scopes, func(s string) bool { return s == "" }) {
		means := meaning(scope)
		if strings.Contains(means, ".") || len(strings.Fields(means)) < 4 {
			t.Errorf("%s: %q", scope, means)
		}
		if other, ok := seen[means]; ok && other != scope {
			t.Errorf("%s and %s: both %q", scope, other, means)
		}
		seen[means] = scope
	}
	if len(seen) < 12 {
		t.Errorf("%d scopes", len(seen))
	}
}
