package simulate

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Auth is how the caller is authenticated (fact sheet §4.1). Nothing checks
// credentials: whoever calls is the caller.
type Auth string

// The three modes.
const (
	AuthApp         Auth = "app"
	AuthUser        Auth = "user"
	AuthImpersonate Auth = "impersonate"
)

// Condition is something about the project that is not as it should be.
type Condition string

// The conditions that [Workspace.SetCondition] knows.
const (
	Unauthenticated   Condition = "unauthenticated"        // 401: the credentials aren't accepted
	EventsAPIDisabled Condition = "events API disabled"    // 403 SERVICE_DISABLED of the Workspace Events API
	ChatAPIDisabled   Condition = "chat API disabled"      // 403 SERVICE_DISABLED of the Chat API
	PubSubAPIDisabled Condition = "pubsub API disabled"    // for the Service Usage API only: the Pub/Sub server goes on
	UsageAPIDisabled  Condition = "usage API disabled"     // 403 SERVICE_DISABLED of the Service Usage API
	ServicesHidden    Condition = "services hidden"        // 403: the caller may not see which APIs are on
	ProjectHidden     Condition = "project hidden"         // 403: the caller may not see the project
	ManagerAPIOff     Condition = "manager API disabled"   // 403 SERVICE_DISABLED of the Resource Manager API
	AppNotConfigured  Condition = "app not configured"     // 404 "Google Chat app not found" on writes and spaceEvents
	ScopesMissing     Condition = "scopes missing"         // 403: the token lacks the scopes of event types
	ApprovalMissing   Condition = "admin approval missing" // 403: no administrator has approved the app's scopes
)

// SetCondition makes the condition hold, or no longer.
func (w *Workspace) SetCondition(c Condition, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conditions[c] = on
}

// SetScopes grants these OAuth scopes only, such as
// "https://www.googleapis.com/auth/chat.app.memberships.readonly"; without
// arguments all.
func (w *Workspace) SetScopes(scopes ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scopes = scopes
}

// authenticate settles whom the caller acts as. A user whom nobody named is
// in every space that is there from the start.
func (w *Workspace) authenticate() error {
	switch w.opts.Auth {
	case AuthApp:
		return nil
	case AuthUser, AuthImpersonate:
	default:
		return fmt.Errorf("there is no authentication %q", w.opts.Auth)
	}
	if w.opts.User != "" {
		w.authority = w.opts.User
		return nil
	}
	if len(w.state.userOrder) == 0 {
		return fmt.Errorf("authentication %q needs a person", w.opts.Auth)
	}
	w.authority = w.state.userOrder[0]
	for _, name := range w.state.spaceOrder {
		if s := w.state.spaces[name]; !s.isJoined(w.authority) {
			s.put(w.state.membership(w.authority, stateJoined, s.createTime))
		}
	}
	return nil
}

// Authority is the user whom the caller acts as: "users/U", or "" for the
// app itself.
func (w *Workspace) Authority() string { return w.authority }

// caller is whose memberships count: the app's or the user's.
func (w *Workspace) caller() string {
	return cmp.Or(w.authority, w.state.app)
}

// speaker is as whom a call of this class is made.
func (w *Workspace) speaker(class string) string {
	if class == messageWrites || class == membershipWrites {
		return w.state.app
	}
	return w.caller()
}

func (w *Workspace) owner() owner { return owner{w.authority, w.state.app} }

// admit refuses a call of a service that nobody may make. The lock is held.
func (w *Workspace) admit(service string, disabled Condition) *apiError {
	switch {
	case w.conditions[Unauthenticated]:
		return refused(http.StatusUnauthorized, "Request had invalid authentication credentials. "+
			"Expected OAuth 2 access token, login cookie or other valid authentication credential.")
	case w.conditions[disabled]:
		return denied("%s has not been used in project %s before or it is disabled.", service, w.project).
			because("SERVICE_DISABLED", service, map[string]string{"consumer": "projects/" + w.project})
	}
	return nil
}

func appNotFound() *apiError { return notFound("Google Chat app not found.") }

// checkScopes wants a scope for each of the event types.
func (a *eventsAPI) checkScopes(types []string, target string) *apiError {
	app := a.w.authority == ""
	if a.w.conditions[ScopesMissing] {
		return scopesMissing()
	}
	if a.w.scopes == nil && !a.w.conditions[ApprovalMissing] {
		return nil
	}
	for _, t := range types {
		suited := scopesFor(t, target, app)
		missing := app && a.w.conditions[ApprovalMissing]
		if a.w.scopes != nil && !slices.ContainsFunc(suited, func(s string) bool { return slices.Contains(a.w.scopes, s) }) {
			missing = true
		}
		switch {
		case missing && app:
			return denied("An administrator must grant the app the required OAuth authorization scope %s.", suited[len(suited)-1])
		case missing:
			return scopesMissing()
		}
	}
	return nil
}

func scopesMissing() *apiError {
	return denied("Request had insufficient authentication scopes.").because("ACCESS_TOKEN_SCOPE_INSUFFICIENT", eventsService, nil)
}

// scopesFor lists the scopes each of which is enough for the event type (fact
// sheet §4.2), the least last.
func scopesFor(eventType, target string, app bool) []string {
	t, _ := events.TypeOf(eventType)
	var names []string
	switch what := t.Scope; {
	case app && strings.HasPrefix(target, customerPrefix):
		names = []string{"chat.app.all." + what + ".readonly"}
	case app && what == "messages":
		names = []string{"chat.app.messages.readonly"}
	case app:
		names = []string{"chat.app." + what, "chat.app." + what + ".readonly"}
	case t.Kind == events.KindReaction:
		names = []string{"chat.messages", "chat.messages.readonly", "chat.messages.reactions", "chat.messages.reactions.readonly"}
	default:
		names = []string{"chat." + what, "chat." + what + ".readonly"}
	}
	for i, n := range names {
		names[i] = "https://www.googleapis.com/auth/" + n
	}
	return names
}
