package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func identityChecks() []check {
	return []check{
		{code: "SK201", group: groupIdentity, name: "there are credentials", pre: true, needs: []string{"SK101"}, run: identityKnown},
		{code: "SK202", group: groupIdentity, name: "Google can be reached", pre: true, needs: []string{"SK201"}, run: googleReached},
		{code: "SK203", group: groupIdentity, name: "Google accepts the credentials", pre: true, needs: []string{"SK202"}, run: credentialsAccepted},
		{code: "SK204", group: groupIdentity, name: "the credentials have a scope for every event type", pre: true, needs: []string{"SK303", "SK401"}, run: scopesGranted},
		{code: "SK205", group: groupIdentity, name: "an administrator has approved the app's scopes", pre: true, needs: []string{"SK303", "SK401"}, run: scopesApproved},
	}
}

func identityKnown(_ context.Context, e *examination) finding {
	_, err := e.manager()
	if err == nil {
		_, err = e.chat()
	}
	if err != nil {
		return failed(err.Error(), credentialsFix(e.cfg.Auth)...)
	}
	return fine("auth.mode %s", e.cfg.Auth.Mode)
}

// credentialsFix says how to get credentials in each mode.
func credentialsFix(auth config.Auth) []string {
	switch {
	case auth.Mode == config.AuthUser:
		return []string{"give the consent again and put the new token into the file that auth.token_file names"}
	case auth.CredentialsFile != "":
		return []string{"put the service account's key or workload identity configuration into " + auth.CredentialsFile}
	}
	return []string{"run where the Chat app's service account is attached, or name its file as auth.credentials_file"}
}

func googleReached(_ context.Context, e *examination) finding {
	_, err := e.listed()
	code, answered := answer(err)
	switch {
	case err == nil, answered && code < 500 && code != http.StatusTooManyRequests:
		return fine("it answers")
	case answered:
		return failed(err.Error(), "wait a few minutes and run doctor again; https://www.google.com/appsstatus/dashboard shows outages")
	case tokenRefused(err):
		return fine("it answers")
	}
	return failed(err.Error(), "let this machine reach *.googleapis.com on port 443, directly or by HTTPS_PROXY")
}

// answer is the HTTP status of Google's answer, if there was one.
func answer(err error) (code int, answered bool) {
	var problem *subscriptions.Problem
	if errors.As(err, &problem) && problem.Code != 0 {
		return problem.Code, true
	}
	return 0, false
}

// tokenRefused reports whether no call was made because there was no token.
func tokenRefused(err error) bool {
	return says(err, "invalid_grant", "unauthorized_client", "invalid_client", "cannot fetch token", "oauth2:")
}

func credentialsAccepted(_ context.Context, e *examination) finding {
	_, err := e.listed()
	code, _ := answer(err)
	if code == http.StatusUnauthorized || tokenRefused(err) {
		return failed(err.Error(), credentialsFix(e.cfg.Auth)...)
	}
	return fine("they are good")
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
	var scopes []string
	for _, t := range lacking {
		scopes = append(scopes, scopeFor(e.cfg.Auth.Mode, t))
	}
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
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
	var scopes []string
	for _, t := range lacking {
		scopes = append(scopes, scopeFor(config.AuthApp, t))
	}
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	return failed("nobody has, for events of "+some(kindNames(lacking)),
		"list these scopes in the project's Google Workspace Marketplace SDK configuration: "+some(scopes),
		"then let an administrator install the app for the domain: Admin console, Apps, Google Workspace Marketplace apps").about(scopes...)
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
		if !slices.Contains(names, t.kind) {
			names = append(names, t.kind)
		}
	}
	return names
}

// scopeFor is the least scope for what was tried (fact sheet §4.2).
func scopeFor(mode string, t trial) string {
	what := map[string]string{
		"message": "messages", "reaction": "messages", "membership": "memberships", "space": "spaces",
		"spaceReadState": "users.readstate", "threadReadState": "users.readstate", "availability": "users.availability",
	}[t.kind]
	prefix := "chat."
	switch {
	case mode == config.AuthApp && targetKind(t.scope) == "customers":
		prefix = "chat.app.all."
	case mode == config.AuthApp:
		prefix = "chat.app."
	}
	return fmt.Sprintf("https://www.googleapis.com/auth/%s%s.readonly", prefix, what)
}
