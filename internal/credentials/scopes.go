package credentials

import (
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
)

// BotScope is what a Chat app needs to send, and to see its spaces and their
// members. No administrator has to approve it.
const BotScope = prefix + "chat.bot"

// reactionsOnly is included in the scope for messages.
const reactionsOnly = prefix + "chat.messages.reactions.readonly"

// Scopes are what the identity of the configuration needs in order to
// subscribe to what is configured and to read it (fact sheet §4.2): sorted,
// each once.
func Scopes(cfg config.Config) []string {
	targets := cfg.Workspace.All()
	if len(targets) == 0 || cfg.Keeper.OnAdded { // spaces that are still to come
		targets = append(targets, config.Target{Target: "name:*", EventTypes: cfg.Workspace.EventTypes})
	}
	app := cfg.Auth.Mode != config.AuthUser && cfg.Auth.Mode != config.AuthImpersonate
	var list []string
	if app {
		list = append(list, BotScope)
	}
	for _, t := range targets {
		for _, name := range t.EventTypes {
			list = append(list, ScopeFor(cfg.Auth.Mode, t.Kind(), name))
		}
		if kind := t.Kind(); !app && (kind == config.KindName || kind == config.KindSpaces) {
			list = append(list, prefix+"chat.spaces.readonly") // to list them
		}
	}
	messages := slices.Contains(list, prefix+"chat.messages.readonly")
	list = slices.DeleteFunc(list, func(s string) bool { return s == "" || messages && s == reactionsOnly })
	slices.Sort(list)
	return slices.Compact(list)
}

// ScopeFor is the narrowest scope that allows a subscription to this event
// type of this kind of target, "" if there is none.
func ScopeFor(mode string, kind config.TargetKind, eventType string) string {
	t, _ := events.TypeOf(eventType)
	user := mode == config.AuthUser || mode == config.AuthImpersonate
	switch {
	case t.Scope == "":
		return ""
	case user && t.Kind == events.KindReaction:
		return reactionsOnly
	case user:
		return prefix + "chat." + t.Scope + ".readonly"
	case kind == config.KindCustomer && t.Kind != events.KindAvailability:
		return prefix + "chat.app.all." + t.Scope + ".readonly"
	case kind == config.KindCustomer || strings.HasPrefix(t.Scope, "users."):
		return "" // no app may
	}
	return prefix + "chat.app." + t.Scope + ".readonly"
}
