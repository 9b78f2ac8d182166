package credentials

import (
	"cmp"
	"fmt"
	"strings"

	"cloud.google.com/go/auth/credentials"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

const oauthErrors = "see Google's help on errors of OAuth"

func consentAgain(a config.Auth) string {
	return "let the user give consent again and replace " + source(a) + "; the new one is taken up by itself"
}

// aboutConsent explains why a refresh token is of no use any more.
func (r refusal) aboutConsent(a config.Auth) (cause, remedy string) {
	switch r.code {
	case "invalid_grant":
		if r.rapt() {
			return "the organization ends sessions after some time", "let an administrator exempt the OAuth client from the session control of Google Cloud, or use auth.mode impersonate; then " + consentAgain(a)
		}
		return "the user's consent was withdrawn or has expired",
			consentAgain(a) + "; if that was 7 days after the last time, the OAuth consent screen is External and in Testing: make it Internal, or publish it, first"
	case "invalid_client", "deleted_client", "disabled_client", "unauthorized_client":
		return "the OAuth client that the consent was given to was deleted, disabled or has a new secret", "download the client again from the project's page of credentials; then " + consentAgain(a)
	case "invalid_scope":
		return "the consent doesn't cover what is asked for", consentAgain(a) + ", to every scope that subscribe-setup doctor names"
	case "access_denied", "admin_policy_enforced":
		return "an administrator doesn't let the OAuth client have these scopes", "have it allowed in the Admin console under Security, API controls, App access control; then " + consentAgain(a)
	case "org_internal":
		return "the OAuth client is for users of another organization", "use a client of the user's own organization; then " + consentAgain(a)
	}
	return "Google refuses the user's consent", consentAgain(a)
}

func (r refusal) rapt() bool { return r.subtype == "invalid_rapt" || r.says("invalid_rapt", "reauth") }

// aboutPerson explains why the person behind gcloud's Application Default
// Credentials gets no token.
func (r refusal) aboutPerson(f file) (cause, remedy string) {
	login := "gcloud auth application-default login"
	if account := f.account(); account != "" {
		login += " --impersonate-service-account=" + account
	}
	if r.rapt() {
		return "the organization ends a person's sessions after some time", login + "; on a server, use credentials that need no person"
	}
	return "the session of the person who logged in by gcloud has ended", login
}

// aboutDelegation explains why a service account gets no token of a user.
func (r refusal) aboutDelegation(a config.Auth) (cause, remedy string) {
	const allow = "in the Admin console under Security, API controls, Domain-wide delegation, list the service account's client id with every scope that subscribe-setup doctor names; it takes effect within minutes, at times a day"
	switch {
	case r.code == "unauthorized_client", r.code == "access_denied", r.code == "invalid_scope":
		return "the service account may not act for users with these scopes", allow
	case r.code == "invalid_grant" && r.says("email", "user"):
		return "there is no such user in the organization, or the user is suspended", "set auth.subject to the primary e-mail address of an active user"
	}
	return r.aboutKey(a)
}

// aboutKey explains why a service account's key gets no token.
func (r refusal) aboutKey(a config.Auth) (cause, remedy string) {
	switch {
	case r.says("iat and exp", "timeframe", "short-lived"):
		return "Google finds the request's time wrong", "set this machine's clock"
	case r.says("signature"):
		return "the service account's key was deleted or disabled",
			"replace the key in " + source(a) + ", or better use credentials that need none: " + attach
	case r.code == "invalid_grant" && r.says("account not found"), r.code == "invalid_client":
		return "the service account was deleted or disabled", "use that of the Chat app's project: " + attach
	case r.code == "unauthorized_client", r.code == "access_denied":
		return "Google gives the service account no token with these scopes",
			"let an administrator approve the Chat app's scopes, and see that " + source(a) + " is of the Chat app's own project"
	case r.code == "invalid_scope":
		return "Google knows no such scope", oauthErrors
	}
	return fmt.Sprintf("Google refuses the service account's credentials (HTTP %d)", r.status), oauthErrors
}

// aboutPool explains why a workload identity pool's token service gives none.
func (r refusal) aboutPool(f file) (cause, remedy string) {
	pool := cmp.Or(f.pool(), "the pool")
	switch {
	case r.code == "invalid_grant" && r.says("expired", "stale", "iat", "exp"):
		return "the token of this machine has expired, or its clock is wrong", "see what writes the token that credential_source names, and this machine's clock"
	case r.code == "invalid_target":
		return "the workload identity pool or its provider doesn't exist, or is disabled", "see that " + pool + " and the provider in the file's audience exist"
	}
	return "the workload identity pool doesn't let this machine in",
		"see that the provider of " + pool + " accepts this machine's tokens: issuer, audience and attribute condition"
}

// aboutIAM explains why the IAM Credentials API doesn't act as an account. It is
// the account itself that asks for a signature, and whoever the file says that
// asks for a token.
func (r refusal) aboutIAM(account, call string, f file) (cause, remedy string) {
	member, role := "serviceAccount:"+account, "roles/iam.serviceAccountTokenCreator"
	switch {
	case call == signs:
	case f.Type == credentials.ExternalAccount:
		member, role = "principalSet://iam.googleapis.com/"+cmp.Or(f.pool(), "POOL")+"/*", "roles/iam.workloadIdentityUser"
	case f.Type == credentials.ImpersonatedServiceAccount && f.Source.Type == credentials.ServiceAccount:
		member = "serviceAccount:" + f.Source.ClientEmail
	case f.Type == credentials.ImpersonatedServiceAccount:
		member = "user:YOUR-ADDRESS"
	}
	switch {
	case r.says("service_disabled", "has not been used"):
		return "the IAM Service Account Credentials API is off", "gcloud services enable iamcredentials.googleapis.com"
	case r.says(strings.ToLower(scopeInsufficient)):
		return "the access scopes of this machine's tokens don't include cloud-platform", "give them to the machine: docs/authentication.md says how"
	case r.status == 404:
		return "there is no service account " + account, "use that of the Chat app's project: " + attach
	case r.code == "UNAUTHENTICATED":
		return "IAM doesn't accept the token of who asks to act as the service account", "see that these credentials are still good"
	}
	return "acting as the service account isn't allowed",
		"gcloud iam service-accounts add-iam-policy-binding " + account + " --member=" + member + " --role=" + role
}

// pool is the workload identity pool that an audience names.
func (f file) pool() string {
	pool, _, ok := strings.Cut(strings.TrimPrefix(f.Audience, "//iam.googleapis.com/"), "/providers/")
	if !ok {
		return ""
	}
	return pool
}

// person reports whether a person is behind the credentials.
func (f file) person() bool {
	return f.Type == credentials.AuthorizedUser || f.Source.Type == credentials.AuthorizedUser
}

func (f file) isTokenService(url string) bool { return url == f.TokenURL || url == f.ImpersonationURL }
