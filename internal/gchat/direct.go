package gchat

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// ErrNoDirectMessage says that the app and a person have no direct message. An
// app can't begin one.
var ErrNoDirectMessage = errors.New("there is no direct message with this person yet: " +
	"they have to write to the app first, or an administrator installs it for everyone")

// FindDirectMessage returns the space, "spaces/S", in which the app and the
// person write to each other. ErrNoDirectMessage is permanent.
func (c *Client) FindDirectMessage(ctx context.Context, user string) (space string, err error) {
	doing := "find the direct message with " + user
	if !events.IsUser(user) {
		return "", reactors.Permanent(fmt.Errorf("find a direct message: %q is not a user's name", user))
	}
	if err := c.pace.SpaceReads.Wait(ctx); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	found, err := do(ctx, c, c.service.Spaces.FindDirectMessage().Name(user))
	if notFound(err) {
		return "", reactors.Permanent(fmt.Errorf("%s: %w", doing, ErrNoDirectMessage))
	}
	if err != nil {
		return "", classify(err).
			saying(http.StatusBadRequest, "Google Chat doesn't know this person").
			saying(http.StatusForbidden, "the Chat app may not write to this person").
			mark(doing)
	}
	return found.Name, nil
}
