package gchat

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/api/chat/v1"
)

// MembersQuery asks for who is in a space.
type MembersQuery struct {
	Space string // "spaces/S"
	Page  string // token of the page before; "" for the first
	// AsUser asks for Google Groups and invited people, too. Google shows
	// them to people only, not to the app.
	AsUser bool
}

// MembersPage is one page of the answer.
type MembersPage struct {
	Members []Member
	Next    string    // token for the next page; "" for none
	AsOf    time.Time // by Google's clock: what changed before is in it
}

// Member is who is in a space, or invited, or a Google Group. Under app
// authentication Chat apps are not listed, nor the one that asks. People who
// are in through a group never are (fact sheet §1.3).
type Member struct {
	Membership  string // "spaces/S/members/M"
	Name        string // "users/U" or "groups/G"
	Type        string // HUMAN or BOT; "" for a group
	DisplayName string // "" if Google doesn't tell
	State       string // JOINED or INVITED
	Role        string // ROLE_MEMBER and so on; "" for a group
	Affiliation string // INTERNAL and so on
}

// membersPerPage is the most that Google gives.
const membersPerPage = 1000

// Members reads one page. Errors are marked as those of Message are.
func (c *Client) Members(ctx context.Context, q MembersQuery) (MembersPage, error) {
	doing := "list the members of " + q.Space
	if err := c.pace.WaitIn(ctx, c.pace.MemberReads, q.Space); err != nil {
		return MembersPage{}, fmt.Errorf("%s: %w", doing, err)
	}
	call := c.memberships.Spaces.Members.List(q.Space).PageSize(membersPerPage).PageToken(q.Page)
	if q.AsUser {
		call.ShowGroups(true).ShowInvited(true)
	}
	began := time.Now()
	answer, err := do(ctx, c, call)
	if err != nil {
		return MembersPage{}, explainRead(err).mark(doing)
	}
	page := MembersPage{Next: answer.NextPageToken, AsOf: asOf(answer.Header, began)}
	for _, m := range answer.Memberships {
		if member, ok := memberOf(m); ok {
			page.Members = append(page.Members, member)
		}
	}
	return page, nil
}

func memberOf(m *chat.Membership) (Member, bool) {
	out := Member{Membership: m.Name, State: m.State, Role: m.Role, Affiliation: m.Affiliation}
	switch {
	case m.GroupMember != nil:
		out.Name = m.GroupMember.Name
	case m.Member != nil:
		out.Name, out.Type, out.DisplayName = m.Member.Name, m.Member.Type, m.Member.DisplayName
	}
	return out, out.Membership != "" && out.Name != "" && out.State != ""
}
