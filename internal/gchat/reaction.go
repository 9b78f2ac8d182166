package gchat

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/api/chat/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// CreateReaction puts an emoji, such as "👍", on the message as the user who
// reads. One that is there already is a success, so an unclear outcome is
// settled by doing it again.
func (c *Client) CreateReaction(ctx context.Context, message, emoji string) error {
	doing := "react to " + message
	switch {
	case !events.IsMessage(message):
		return reactors.Permanent(fmt.Errorf("react: %q is not a message's name", message))
	case emoji == "":
		return reactors.Permanent(fmt.Errorf("%s: there is no emoji", doing))
	case c.user == nil:
		return reactors.Permanent(fmt.Errorf("%s: %w", doing, errAppReacts))
	}
	_, err := do(ctx, c, c.user.Spaces.Messages.Reactions.Create(message, &chat.Reaction{Emoji: &chat.Emoji{Unicode: emoji}}))
	if err == nil {
		return nil
	}
	failure := classify(err)
	if failure.outcome == idTaken {
		return nil // it is there already
	}
	return failure.
		saying(http.StatusForbidden, "the user of auth may not react here: they have to be in the space, and to have given consent for reactions").
		saying(http.StatusNotFound, "the message isn't there any more").
		saying(http.StatusBadRequest, "Google Chat doesn't accept the emoji").
		mark(doing, emoji)
}

var errAppReacts = errors.New("only people can react in Google Chat, not an app: set auth.mode to user or impersonate")
