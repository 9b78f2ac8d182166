package credentials

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/googleapi"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// TestGrantedScopes asks for what a virtual machine's metadata server doesn't
// give, and a key does.
func TestGrantedScopes(t *testing.T) {
	g := start(t)
	t.Setenv("GCE_METADATA_HOST", g.url.Host)
	want := []string{BotScope, readMessages}
	got, err := opener{base: g}.granted(t.Context(), config.Auth{CredentialsFile: g.serviceAccountKey()}, want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("a key's token holds %v (%v), want %v", got, err, want)
	}
	g.machine = cloudPlatform
	got, err = opener{base: g}.granted(t.Context(), config.Auth{Mode: config.AuthApp}, want)
	if err != nil || !slices.Equal(got, []string{cloudPlatform}) {
		t.Errorf("the machine's token holds %v (%v), want cloud-platform alone", got, err)
	}
	g.refuse["/tokeninfo"] = answer{400, `{"error": "invalid_token", "error_description": ECHO}`}
	_, err = opener{base: g}.granted(t.Context(), config.Auth{Mode: config.AuthApp}, want)
	if err == nil || g.leaks(err) != "" {
		t.Errorf("got error %v, want one without a secret", err)
	}
}

func TestLackingScopes(t *testing.T) {
	t.Parallel()
	const messages, reactions, spaces = prefix + "chat.messages", prefix + "chat.messages.reactions.readonly", prefix + "chat.spaces.readonly"
	for _, test := range []struct {
		wanted, granted, want []string
	}{
		{[]string{readMessages, spaces}, nil, []string{readMessages, spaces}},
		{[]string{readMessages, spaces}, []string{spaces, readMessages, cloudPlatform}, nil},
		{[]string{readMessages, reactions}, []string{messages}, nil},
		{[]string{reactions}, []string{readMessages}, nil},
		{[]string{readMessages}, []string{reactions}, []string{readMessages}},
		{[]string{messages}, []string{readMessages}, []string{messages}},
		{[]string{BotScope}, []string{cloudPlatform}, []string{BotScope}},
	} {
		if got := Lacking(test.wanted, test.granted); !slices.Equal(got, test.want) {
			t.Errorf("of %v, %v lack %v, want %v", test.wanted, test.granted, got, test.want)
		}
	}
}

func TestScopeMissing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer googleapi.Error
		want   bool
	}{
		{googleapi.Error{Code: 403, Body: `{"error": {"details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`}, true},
		{googleapi.Error{Code: 403, Header: http.Header{"Www-Authenticate": {`Bearer realm="x", error="insufficient_scope"`}}}, true},
		{googleapi.Error{Code: 403, Body: `{"error": {"status": "PERMISSION_DENIED"}}`}, false},
		{googleapi.Error{Code: 400, Body: `ACCESS_TOKEN_SCOPE_INSUFFICIENT`}, false},
	} {
		if got := ScopeMissing(&test.answer); got != test.want {
			t.Errorf("%+v: got %v, want %v", test.answer, got, test.want)
		}
	}
}

// TestMachineWithoutCloudPlatform can't have IAM sign for it, whatever its roles.
func TestMachineWithoutCloudPlatform(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.refuse[":signJwt"] = answer{403, `{"error": {"status": "PERMISSION_DENIED", "message": ECHO, "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`}
	rt, err := opener{base: g}.transport(config.Auth{Mode: config.AuthImpersonate, Subject: subject, CredentialsFile: g.impersonation()}, []string{readMessages})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = g.whoAmI(rt); err == nil || !strings.Contains(err.Error(), "access scopes") || strings.Contains(err.Error(), "add-iam-policy-binding") {
		t.Errorf("got error %v, want the machine's scopes, not a role, to blame", err)
	}
}
