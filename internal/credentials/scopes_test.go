package credentials

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	joins := []string{"google.workspace.chat.membership.v1.created"}
	read := []string{"google.workspace.chat.spaceReadState.v1.updated", "google.workspace.chat.threadReadState.v1.updated"}
	reactions := []string{"google.workspace.chat.reaction.v1.created"}
	tests := []struct {
		name    string
		mode    string
		targets []config.Target
		onAdded bool
		want    string
	}{
		{"app, nothing yet", config.AuthApp, nil, false, "app.memberships app.messages app.spaces bot"},
		{"app, a space", config.AuthApp, []config.Target{{Target: "spaces/A"}}, false, "app.memberships app.messages app.spaces bot"},
		{"app, joins only", config.AuthApp, []config.Target{{Target: "spaces/A", EventTypes: joins}}, false, "app.memberships bot"},
		{"app, joins and what is to come", config.AuthApp, []config.Target{{Target: "spaces/A", EventTypes: joins}}, true, "app.memberships app.messages app.spaces bot"},
		{"app, reactions", config.AuthApp, []config.Target{{Target: "spaces/A", EventTypes: reactions}}, false, "app.messages bot"},
		{"customer", config.AuthApp, []config.Target{{Target: "customers/my_customer"}}, false, "app.all.memberships app.all.messages app.all.spaces bot"},
		{"customer, read states", config.AuthApp, []config.Target{{Target: "customers/my_customer", EventTypes: read}}, false, "app.all.users.readstate bot"},
		{"user, all spaces", config.AuthUser, []config.Target{{Target: "spaces/-"}}, false, "memberships messages spaces"},
		{"user, joins of all spaces", config.AuthUser, []config.Target{{Target: "spaces/-", EventTypes: joins}}, false, "memberships spaces"},
		{"user, reactions", config.AuthImpersonate, []config.Target{{Target: "spaces/A", EventTypes: reactions}}, false, "messages.reactions"},
		{"user", config.AuthImpersonate, []config.Target{{Target: "users/1", EventTypes: config.KindUser.EventTypes()}}, false, "memberships users.availability users.readstate"},
	}
	for _, test := range tests {
		cfg := config.Default()
		cfg.Auth.Mode, cfg.Workspace.Targets, cfg.Keeper.OnAdded = test.mode, test.targets, test.onAdded
		var got []string
		for _, s := range Scopes(cfg) {
			short, ok := strings.CutPrefix(s, "https://www.googleapis.com/auth/chat.")
			if !ok {
				t.Errorf("%s: got scope %q", test.name, s)
			}
			got = append(got, strings.TrimSuffix(short, ".readonly"))
		}
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestScopeForNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind config.TargetKind
		name string
	}{
		{config.KindCustomer, "google.workspace.chat.availability.v1.updated"},
		{config.KindSpace, "google.workspace.chat.spaceReadState.v1.updated"},
		{config.KindSpace, "google.workspace.chat.widget.v1.created"},
	} {
		if got := ScopeFor(config.AuthApp, test.kind, test.name); got != "" {
			t.Errorf("%s of a %s: got scope %s, want none", test.name, test.kind, got)
		}
	}
}
