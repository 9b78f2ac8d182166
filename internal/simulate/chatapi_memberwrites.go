package simulate

import (
	"time"

	"google.golang.org/api/chat/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// mayChangeMembers wants the scope, and an administrator's approval of it.
func (a *chatAPI) mayChangeMembers(s *space) *apiError {
	const scope = "chat.app.memberships"
	switch {
	case !a.w.grants(scope), a.w.conditions[ApprovalMissing]:
		return denied("An administrator must grant the app the required OAuth authorization scope https://www.googleapis.com/auth/%s.", scope)
	case s.directFor != "":
		return invalid("The members of a direct message can't be changed.")
	}
	return nil
}

// createMember is spaces.members.create, as the app: it can't add apps, Google
// Groups or people of other organizations. What Google answers for somebody
// who is a member already isn't documented.
func (a *chatAPI) createMember(r *chatRequest) (any, *apiError) {
	if apiErr := a.mayChangeMembers(r.space); apiErr != nil {
		return nil, apiErr
	}
	var in chat.Membership
	if apiErr := decodeStrict(r.body, &in); apiErr != nil {
		return nil, apiErr
	}
	switch {
	case in.GroupMember != nil:
		return nil, denied("Adding a Google Group requires user authentication.")
	case in.Member == nil || in.Member.Name == "":
		return nil, invalid("The member is required.")
	case in.Role != "" || in.State != "":
		return nil, invalid("The role and the state of a new membership can't be set.")
	}
	switch u := a.w.state.users[in.Member.Name]; {
	case u == nil && in.Member.Name != "users/app":
		return nil, notFound("User not found: %s.", in.Member.Name)
	case u == nil || u.userType == typeBot:
		return nil, denied("Adding a Chat app requires user authentication.")
	case u.external:
		return nil, denied("Inviting users external to the organization requires user authentication.")
	case r.space.members[u.name] != nil:
		return nil, conflict("The membership already exists.")
	}
	at := a.w.state.tick()
	m := a.w.state.membership(in.Member.Name, stateJoined, at)
	r.space.put(m)
	if a.w.invites {
		m.state = stateInvited
		a.w.emit(at, a.w.memberChange(r.space, m, "created"))
	} else {
		a.w.emitJoin(r.space, m, "created", at)
	}
	a.noteMember(r.space, m, at)
	return a.renderMember(r.space, m), nil
}

// deleteMember is spaces.members.delete, as the app: it can't remove apps, and
// managers only from a space that it has created, which none is here.
func (a *chatAPI) deleteMember(r *chatRequest) (any, *apiError) {
	if apiErr := a.mayChangeMembers(r.space); apiErr != nil {
		return nil, apiErr
	}
	user := "users/" + r.PathValue("member")
	m := r.space.members[user]
	switch {
	case r.space.groups[r.space.name+"/members/"+r.PathValue("member")] != nil:
		return nil, denied("Removing a Google Group requires user authentication.")
	case user == "users/app", m != nil && a.w.state.users[user].userType == typeBot:
		return nil, denied("Removing a Chat app requires user authentication.")
	case m == nil:
		return nil, notFound("Membership not found: %s.", events.MemberName(r.space.name, user))
	case m.role != "ROLE_MEMBER":
		return nil, denied("Only the app that created the space can remove its managers.")
	}
	at := a.w.state.tick()
	gone := a.renderMember(r.space, m)
	a.w.leave(r.space, m, at)
	gone.State = stateNone
	a.noteMember(r.space, m, at)
	return gone, nil
}

func (a *chatAPI) noteMember(s *space, m *membership, at time.Time) {
	a.w.truth.Memberships = append(a.w.truth.Memberships, AppMembership{Space: s.name, User: m.user, State: m.state, Time: at})
}
