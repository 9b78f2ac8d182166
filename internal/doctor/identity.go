package doctor

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func identityChecks() []check {
	return []check{
		{code: "SK201", group: groupIdentity, name: "there are credentials", pre: true, needs: []string{"SK101"}, run: identityKnown},
		{code: "SK202", group: groupIdentity, name: "Google can be reached", pre: true, needs: []string{"SK201"}, run: googleReached},
		{code: "SK203", group: groupIdentity, name: "Google accepts the credentials", pre: true, needs: []string{"SK202"}, run: credentialsAccepted},
		{code: "SK204", group: groupIdentity, name: "the credentials have a scope for every event type", pre: true, needs: []string{"SK303", "SK401"}, run: scopesGranted},
		{code: "SK205", group: groupIdentity, name: "an administrator has approved the app's scopes", pre: true, needs: []string{"SK303", "SK401"}, run: scopesApproved},
		{code: "SK206", group: groupIdentity, name: "the service account is of the Chat app's project", pre: true, needs: []string{"SK201"}, run: accountAtHome},
		{code: "SK207", group: groupIdentity, name: "the tokens hold the scopes that are asked for", pre: true, needs: []string{"SK203"}, run: scopesHeld},
	}
}

// anonymous reports whether no credentials are named or needed: a fake or a
// proxy on this machine stands in for Google, and gets none.
func (e *examination) anonymous() bool {
	auth := e.cfg.Auth
	return config.IsLoopback(e.cfg.Endpoints.WorkspaceEvents) && auth.CredentialsFile == "" && auth.TokenFile == ""
}

func identityKnown(_ context.Context, e *examination) finding {
	var identity credentials.Identity
	var err error
	if !e.anonymous() {
		identity, err = credentials.Describe(e.cfg.Auth)
	}
	if err == nil {
		_, err = e.manager()
	}
	if err == nil {
		_, err = e.chat()
	}
	switch {
	case err != nil:
		return unidentified(err, e.cfg.Auth)
	case e.anonymous():
		return fine("auth.mode %s; an endpoint on this machine gets none", e.cfg.Auth.Mode)
	}
	return fine("%s", identity)
}

// unidentified is what comes of credentials that are missing or refused.
func unidentified(err error, auth config.Auth) finding {
	var known *credentials.Error
	if errors.As(err, &known) {
		remedy := known.Remedy
		known = &credentials.Error{Doing: known.Doing, Cause: known.Cause, Code: known.Code, Status: known.Status, Err: known.Err}
		return failed(strings.TrimSuffix(known.Error(), "; "), remedy)
	}
	if auth.Mode == config.AuthUser {
		return failed(err.Error(), "let the user give consent again and replace the file that auth.token_file names")
	}
	return failed(err.Error(), "run where the Chat app's service account is attached to the machine, or name its file as auth.credentials_file")
}

// accountAtHome: Google takes subscriptions of an app only from a service
// account of the app's own project (fact sheet §3.1).
func accountAtHome(_ context.Context, e *examination) finding {
	if e.anonymous() || e.cfg.Auth.Mode != config.AuthApp {
		return fine("auth.mode %s", e.cfg.Auth.Mode)
	}
	identity, err := credentials.Describe(e.cfg.Auth)
	if err != nil {
		return skipped("see SK201")
	}
	return atHome(identity, e.cfg.Project)
}

func atHome(identity credentials.Identity, project string) finding {
	home := identity.Project
	if _, domain, ok := strings.Cut(identity.Account, "@"); ok && strings.HasSuffix(domain, ".iam.gserviceaccount.com") {
		home = strings.TrimSuffix(domain, ".iam.gserviceaccount.com")
	}
	switch home {
	case "":
		return fine("it isn't known before it is used")
	case project:
		return fine("it is")
	}
	return failed("it is of project "+home+", and project is "+project,
		"use a service account of "+project+", or set project to where the Chat app is configured").about(identity.Account)
}

func googleReached(_ context.Context, e *examination) finding {
	err := e.reached()
	code := answer(err)
	switch {
	case err == nil, code > 0 && code < 500 && code != http.StatusTooManyRequests:
		return fine("it answers")
	case code > 0:
		return failed(err.Error(), "wait a few minutes and run doctor again; https://www.google.com/appsstatus/dashboard shows outages")
	case tokenRefused(err):
		return fine("it answers")
	case errors.As(err, new(*credentials.Error)):
		return unidentified(err, e.cfg.Auth)
	}
	return failed(err.Error(), "let this machine reach *.googleapis.com on port 443, directly or by HTTPS_PROXY")
}

// answer is the HTTP status of Google's answer; 0 if there was none.
func answer(err error) int {
	var refusal *subscriptions.Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return 0
}

// tokenRefused reports whether no call was made because Google gave no token.
func tokenRefused(err error) bool {
	var known *credentials.Error
	return errors.As(err, &known) && !known.Temporary()
}

func credentialsAccepted(_ context.Context, e *examination) finding {
	err := e.reached()
	if answer(err) == http.StatusUnauthorized || tokenRefused(err) {
		return unidentified(err, e.cfg.Auth)
	}
	return fine("they are good")
}

// scopesHeld needs no space, no API and no right: a virtual machine's tokens hold
// its access scopes and no others, a consent's those that were agreed to.
func scopesHeld(_ context.Context, e *examination) finding {
	granted, err := e.granted()
	if err != nil {
		return skipped("Google couldn't be asked: %v", err)
	}
	lacking := credentials.Lacking(credentials.Scopes(e.cfg), granted)
	switch {
	case len(lacking) > 0 && e.cfg.Auth.Mode == config.AuthUser:
		return failed("they lack "+some(lacking), "let the user consent again, to these too: "+some(lacking)).about(lacking...)
	case len(lacking) > 0:
		return failed("they lack "+some(lacking), accessScopes(lacking...)).about(lacking...)
	case e.cfg.Auth.Mode == config.AuthApp:
		return fine("they do")
	}
	return appScopesHeld(e)
}

// appScopesHeld: whoever reads, it is the Chat app that sends.
func appScopesHeld(e *examination) finding {
	granted, err := e.appGranted()
	lacking := credentials.Lacking([]string{credentials.BotScope}, granted)
	seen := "the Chat app's lack " + credentials.BotScope + ", with which it sends"
	switch {
	case err != nil:
		return skipped("the person's do; Google couldn't be asked about the Chat app's: %v", err)
	case len(lacking) == 0:
		return fine("they do, and the Chat app's as well")
	}
	rules, err := e.rules()
	if acting, _ := users(inForce(rules), asApp); err == nil && len(acting) > 0 {
		return failed(seen+" (rules: "+some(acting)+")", accessScopes(lacking...)).about(acting...)
	}
	return warning(seen+": no rule does so far", accessScopes(lacking...)).about(lacking...)
}

func accessScopes(scopes ...string) string {
	return "give the machine these access scopes, as docs/authentication.md says: " + strings.Join(scopes, ",")
}

// scopesGranted is about what the token holds: what a user consented to, or
// what is allowed for the service account that acts for one.
func scopesGranted(_ context.Context, e *examination) finding {
	lacking, f, ok := e.refused("insufficient authentication scopes", "SCOPE_INSUFFICIENT")
	if !ok {
		return f
	}
	if len(lacking) == 0 {
		return fine("for %s", f.seen)
	}
	scopes := scopesFor(lacking, e.cfg.Auth.Mode)
	fix := "let the user consent again, to these too: " + some(scopes)
	switch e.cfg.Auth.Mode {
	case config.AuthApp:
		fix = "use the service account of the Chat app, whose tokens hold every scope that is asked for: " + some(scopes)
	case config.AuthImpersonate:
		fix = "Admin console, Security, API controls, Domain-wide delegation: allow the service account's client id " + some(scopes)
	}
	return failed("Google misses scopes for events of "+some(kindNames(lacking)), fix).about(scopes...)
}

func scopesApproved(_ context.Context, e *examination) finding {
	if e.cfg.Auth.Mode != config.AuthApp {
		return fine("auth.mode %s needs none", e.cfg.Auth.Mode)
	}
	lacking, f, ok := e.refused("administrator", "grant the app")
	if !ok {
		return f
	}
	if len(lacking) == 0 {
		return fine("for %s", f.seen)
	}
	scopes := scopesFor(lacking, config.AuthApp)
	return failed("nobody has, for events of "+some(kindNames(lacking)),
		approval(scopes...)...).about(scopes...)
}

// approval is how an administrator comes to approve scopes.
func approval(scopes ...string) []string {
	return []string{
		"list these scopes in the project's Google Workspace Marketplace SDK configuration: " + some(scopes),
		"then let an administrator install the app for the domain: subscribe-setup doctor --admin-message prints what to forward",
	}
}

// refused are the trials that Google refused in such words. If nothing could
// be tried, the finding says so; else its text names the kinds of events.
func (e *examination) refused(words ...string) (lacking []trial, f finding, ok bool) {
	trials, err := e.trials()
	if err != nil {
		return nil, skipped("Google couldn't be asked: %v", err), false
	}
	if len(trials) == 0 {
		return nil, skipped("there is no space to try it with"), false
	}
	for _, t := range trials {
		if says(t.err, words...) {
			lacking = append(lacking, t)
		}
	}
	return lacking, finding{seen: some(kindNames(trials))}, true
}

func kindNames(trials []trial) []string {
	var names []string
	for _, t := range trials {
		names = appendNew(names, t.kind)
	}
	return names
}

// scopesFor are the least scopes for what was tried, sorted.
func scopesFor(trials []trial, mode string) []string {
	var scopes []string
	for _, t := range trials {
		scopes = append(scopes, credentials.ScopeFor(mode, config.Target{Target: t.scope}.Kind(), t.types[0]))
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}
