package gchat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/api/chat/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// States of a membership.
const (
	Joined    = "JOINED"
	Invited   = "INVITED" // the person has to accept first
	NotMember = "NOT_A_MEMBER"
)

const needsApproval = "the Chat app may not change who is in this space: it has to be in it, and an administrator has to approve " +
	"the scope chat.app.memberships; it can't add people of other organizations, groups or apps, nor remove a space's managers"

// AddMember makes the person a member of the space, as the app. A nil error
// means that they are one, now or from before, or invited: state is Joined or
// Invited, or "" if it can't be seen which.
func (c *Client) AddMember(ctx context.Context, space, user string) (state string, err error) {
	doing := fmt.Sprintf("add %s to %s", user, space)
	if err := checkNames(space, user); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	member := &chat.Membership{Member: &chat.User{Name: user, Type: "HUMAN"}}
	added, err := do(ctx, c, c.admin.Spaces.Members.Create(space, member))
	if err == nil {
		return added.State, nil
	}
	failure := classify(err)
	if (failure.outcome == idTaken || failure.outcome == unclear) && ctx.Err() == nil {
		state, lookErr := c.MemberState(ctx, space, user)
		if failure.outcome == idTaken || lookErr == nil && state != "" {
			return state, nil
		}
	}
	return "", failure.
		saying(http.StatusForbidden, needsApproval).
		saying(http.StatusNotFound, "the space or the person doesn't exist any more").
		mark(doing)
}

// RemoveMember ends the person's membership of the space, as the app. A nil
// error means that there is none.
func (c *Client) RemoveMember(ctx context.Context, space, user string) error {
	doing := fmt.Sprintf("remove %s from %s", user, space)
	if err := checkNames(space, user); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	_, err := do(ctx, c, c.admin.Spaces.Members.Delete(events.MemberName(space, user)))
	if err == nil || notFound(err) {
		return nil
	}
	failure := classify(err)
	if failure.outcome == unclear && ctx.Err() == nil {
		if state, lookErr := c.MemberState(ctx, space, user); lookErr == nil && state == "" {
			return nil
		}
	}
	return failure.saying(http.StatusForbidden, needsApproval).mark(doing)
}

func checkNames(space, user string) error {
	switch {
	case !events.IsSpace(space):
		return reactors.Permanent(fmt.Errorf("%q is not a space's name", space))
	case !events.IsUser(user):
		return reactors.Permanent(fmt.Errorf("%q is not a user's name", user))
	}
	return nil
}

// MemberState reads the state of the person's membership as whoever reads; ""
// if there is none.
func (c *Client) MemberState(ctx context.Context, space, user string) (string, error) {
	got, err := c.Membership(ctx, events.MemberName(space, user))
	if errors.Is(err, ErrGone) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var m struct {
		State string `json:"state"`
	}
	if err := json.Unmarshal(got.Data, &m); err != nil {
		return "", fmt.Errorf("read the membership of %s in %s: %w", user, space, err)
	}
	return m.State, nil
}
