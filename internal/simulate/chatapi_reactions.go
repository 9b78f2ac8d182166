package simulate

import (
	"slices"
	"strings"

	"google.golang.org/api/chat/v1"
)

// createReaction is spaces.messages.reactions.create. The documentation wants
// a user, though the scopes that it lists are an app's, too: an app is refused
// (fact sheet §6.1). The codes of the refusals aren't documented.
func (a *chatAPI) createReaction(r *chatRequest) (any, *apiError) {
	user := a.w.authority
	if user == "" {
		return nil, denied("Reactions require user authentication.")
	}
	if !a.w.grants("chat.messages.reactions.create", "chat.messages.reactions", "chat.messages") {
		return nil, scopesMissing()
	}
	var in chat.Reaction
	if apiErr := decodeStrict(r.body, &in); apiErr != nil {
		return nil, apiErr
	}
	switch {
	case in.Emoji == nil, in.Emoji.Unicode == "" && in.Emoji.CustomEmoji == nil:
		return nil, invalid("The emoji is required.")
	case in.Emoji.CustomEmoji != nil:
		return nil, unimplemented("has no custom emoji.")
	case strings.Trim(in.Emoji.Unicode, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:_- ") == "":
		return nil, invalid("Invalid emoji %q.", in.Emoji.Unicode)
	}
	m, apiErr := r.message()
	if apiErr != nil {
		return nil, apiErr
	}
	if !m.deleteTime.IsZero() || m.viewer != "" && m.viewer != user {
		return nil, notFound("Message not found: %s.", m.name)
	}
	at := a.w.state.tick()
	made, fresh := a.w.react(r.space, m, user, in.Emoji.Unicode, at)
	if !fresh {
		return nil, conflict("The reaction already exists.")
	}
	a.w.truth.Reactions = append(a.w.truth.Reactions, AppReaction{Message: m.name, User: user, Emoji: made.emoji, Time: at})
	return &chat.Reaction{Name: made.name, User: a.user(user), Emoji: &chat.Emoji{Unicode: made.emoji}}, nil
}

// grants reports whether the caller has one of the scopes.
func (w *Workspace) grants(names ...string) bool {
	return w.scopes == nil || slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains(w.scopes, "https://www.googleapis.com/auth/"+name)
	})
}
