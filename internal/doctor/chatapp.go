package doctor

import (
	"context"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func chatAppChecks() []check {
	return []check{
		{code: "SK401", group: groupChatApp, name: "the Chat app is configured", pre: true, needs: []string{"SK302", "SK303"}, run: appConfigured},
		{code: "SK402", group: groupChatApp, name: "every space can be watched", pre: true, needs: []string{"SK302"}, run: spacesJoined},
		{code: "SK403", group: groupChatApp, name: "every name pattern means a space", pre: true, needs: []string{"SK302"}, run: patternsMatch},
	}
}

// appConfigured: reading works without an app, so it takes a trial.
func appConfigured(_ context.Context, e *examination) finding {
	refused, f, ok := e.refused("Chat app not found")
	if !ok {
		return f
	}
	if len(refused) > 0 {
		return failed(`Google says "Google Chat app not found"`,
			"give the app a name, an avatar and a description, and set it live: https://console.cloud.google.com/apis/api/chat.googleapis.com/hangouts-chat?project="+e.cfg.Project)
	}
	return fine("Google knows it")
}

func spacesJoined(_ context.Context, e *examination) finding {
	a, err := e.access()
	if err != nil {
		return unanswered(err)
	}
	if len(a.denied)+len(a.gone) == 0 {
		return fine("%d of %d", len(a.open), len(a.open))
	}
	who, fix := "the Chat app is", "add the app to each of them (in the space: Apps & integrations, Add apps)"
	if e.cfg.Auth.Mode != config.AuthApp {
		who, fix = "the user is", "let a member add the user to each of them"
	}
	var seen, fixes []string
	if len(a.denied) > 0 {
		seen, fixes = append(seen, who+" not in "+some(a.denied)), append(fixes, fix)
	}
	if len(a.gone) > 0 {
		seen, fixes = append(seen, "not found: "+some(a.gone)), append(fixes, "correct these names under workspace, or take them out")
	}
	return failed(strings.Join(seen, "; "), fixes...).about(append(a.denied, a.gone...)...)
}

func patternsMatch(_ context.Context, e *examination) finding {
	spaces, err := e.spaces()
	if err != nil {
		return unanswered(err)
	}
	resolver := subscriptions.NewResolver(e.cfg, subscriptions.ResolverOptions{})
	if none := resolver.Unmatched(spaces); len(none) > 0 {
		return warning("no space is called like "+some(none),
			"subscribe-setup spaces list shows the names; correct workspace.targets, or add the app to the spaces that are meant").about(none...)
	}
	patterns := 0
	for _, t := range e.cfg.Workspace.All() {
		if t.Kind() == config.KindName {
			patterns++
		}
	}
	return fine("patterns: %d", patterns)
}
