package credentials

const (
	consentAgain = "let the user give consent again and replace the token file"
	oauthErrors  = "see Google's help on errors of OAuth"
)

// aboutConsent explains why a refresh token is of no use any more.
func (r refusal) aboutConsent() (cause, remedy string) {
	switch r.code {
	case "invalid_grant":
		if r.subtype == "invalid_rapt" || r.says("invalid_rapt", "reauth") {
			return "the organization ends sessions after some time", "let an administrator exempt the OAuth client from the session control of Google Cloud, or use auth.mode impersonate; then " + consentAgain
		}
		return "the user's consent was withdrawn or has expired",
			consentAgain + "; if that was 7 days after the last time, the OAuth consent screen is External and in Testing: make it Internal, or publish it, first"
	case "invalid_client", "deleted_client", "disabled_client", "unauthorized_client":
		return "the OAuth client that the consent was given to was deleted, disabled or has a new secret", "download the client again from the project's page of credentials; then " + consentAgain
	case "invalid_scope":
		return "the consent doesn't cover what is asked for", consentAgain + ", to every scope that subscribe-setup doctor names"
	case "access_denied", "admin_policy_enforced":
		return "an administrator doesn't let the OAuth client have these scopes", "have it allowed in the Admin console under Security, API controls, App access control; then " + consentAgain
	case "org_internal":
		return "the OAuth client is for users of another organization", "use a client of the user's own organization; then " + consentAgain
	}
	return "Google refuses the user's consent", consentAgain
}

// aboutDelegation explains why a service account gets no token of a user.
func (r refusal) aboutDelegation() (cause, remedy string) {
	const allow = "in the Admin console under Security, API controls, Domain-wide delegation, list the service account's client id with every scope that subscribe-setup doctor names; it takes effect within minutes, at times a day"
	switch {
	case r.code == "unauthorized_client", r.code == "access_denied", r.code == "invalid_scope":
		return "the service account may not act for users with these scopes", allow
	case r.code == "invalid_grant" && r.says("email", "user"):
		return "there is no such user in the organization, or the user is suspended", "set auth.subject to the primary e-mail address of an active user"
	}
	return r.aboutAccount()
}

// aboutAccount explains why a service account gets no token of its own.
func (r refusal) aboutAccount() (cause, remedy string) {
	switch {
	case r.says("iat and exp", "timeframe", "short-lived"):
		return "Google finds the request's time wrong", "set this machine's clock"
	case r.says("signature"):
		return "the service account's key was deleted or disabled", "replace the key, or better use one that needs none: " + attach
	case r.code == "invalid_grant" && r.says("account not found"), r.code == "invalid_client":
		return "the service account was deleted or disabled", "use that of the Chat app's project: " + attach
	case r.code == "invalid_target", r.code == "access_denied", r.code == "unauthorized_client", r.says("attribute condition"):
		return "the workload identity pool doesn't let this machine in", "see that its provider accepts this machine's tokens, and that they may use the service account (roles/iam.workloadIdentityUser)"
	case r.code == "invalid_scope":
		return "Google knows no such scope", oauthErrors
	}
	return "Google refuses the service account's credentials", oauthErrors
}

// aboutIAM explains why the IAM Credentials API doesn't sign for an account.
func (r refusal) aboutIAM(account string) (cause, remedy string) {
	if account == "" {
		account = "ACCOUNT"
	}
	switch {
	case r.says("service_disabled", "has not been used"):
		return "the IAM Service Account Credentials API is off", "gcloud services enable iamcredentials.googleapis.com"
	case r.status == 404:
		return "there is no service account " + account, "use that of the Chat app's project: " + attach
	}
	return "signing as the service account isn't allowed",
		"gcloud iam service-accounts add-iam-policy-binding " + account +
			" --member=serviceAccount:" + account + " --role=roles/iam.serviceAccountTokenCreator"
}
