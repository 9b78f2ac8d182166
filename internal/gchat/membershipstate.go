package gchat

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// MembershipState says whether a person is in a space, and since when.
type MembershipState struct {
	State string // Joined, Invited or NotMember
	// Since is when they joined this time, or were invited: the membership's
	// createTime. The discovery document calls it "the creation time of the
	// membership, such as when a member joined or was invited to join"; whether
	// who comes back gets a new one isn't said, and in events the documentation's
	// samples show the epoch (fact sheet §1.4). It is zero if Google doesn't tell.
	// So a late time tells that somebody has come back, an early one tells nothing.
	Since time.Time
}

// MembershipState reads whether the person is in the space, as the app and with
// the scope of RemoveMember, so that an app that may remove may also look. Errors
// are marked as those of RemoveMember are.
func (c *Client) MembershipState(ctx context.Context, space, user string) (MembershipState, error) {
	doing := fmt.Sprintf("see since when %s is in %s", user, space)
	if err := checkNames(space, user); err != nil {
		return MembershipState{}, fmt.Errorf("%s: %w", doing, err)
	}
	if err := c.pace.WaitIn(ctx, c.pace.MemberReads, space); err != nil {
		return MembershipState{}, fmt.Errorf("%s: %w", doing, err)
	}
	m, err := do(ctx, c, c.admin.Spaces.Members.Get(events.MemberName(space, user)))
	switch {
	case notFound(err):
		return MembershipState{State: NotMember}, nil
	case err != nil:
		return MembershipState{}, classify(err).saying(http.StatusForbidden, needsApproval).mark(doing)
	}
	since, _ := time.Parse(time.RFC3339Nano, m.CreateTime)
	return MembershipState{State: m.State, Since: since}, nil
}
