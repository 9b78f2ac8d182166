package credentials

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	g := start(t)
	key, consent, impersonation := g.serviceAccountKey(), g.consent(), g.impersonation()
	tests := []struct {
		auth config.Auth
		want Identity
		text string
	}{
		{
			config.Auth{Mode: config.AuthApp, CredentialsFile: key},
			Identity{Mode: "app", Account: account, ClientID: "1042", Project: "my-project", Source: "the key in " + key},
			"the Chat app " + account + ", by the key in " + key,
		},
		{
			config.Auth{Mode: config.AuthImpersonate, Subject: subject, CredentialsFile: impersonation},
			Identity{Mode: "impersonate", Account: account, Subject: subject, Source: "the impersonation in " + impersonation},
			"the user " + subject + ", for whom " + account + " acts, by the impersonation in " + impersonation,
		},
		{
			config.Auth{Mode: config.AuthUser, TokenFile: consent},
			Identity{Mode: "user", ClientID: "7.apps.googleusercontent.com", Source: "the consent in " + consent},
			"a user, by the consent in " + consent,
		},
	}
	for _, test := range tests {
		got, err := Describe(test.auth)
		if err != nil {
			t.Errorf("mode %s: %v", test.auth.Mode, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("mode %s (-want +got):\n%s", test.auth.Mode, diff)
		}
		if got.String() != test.text {
			t.Errorf("mode %s: got %q, want %q", test.auth.Mode, got, test.text)
		}
	}
	if len(g.asked) > 0 {
		t.Errorf("asked for %v, want no call", g.asked)
	}
	for _, bad := range []config.Auth{
		{Mode: config.AuthApp, CredentialsFile: consent},
		{Mode: config.AuthApp, CredentialsFile: "absent"},
		{Mode: config.AuthUser, TokenFile: key},
	} {
		if i, err := Describe(bad); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("got %+v and error %v, want one without a secret", i, err)
		}
	}
}
