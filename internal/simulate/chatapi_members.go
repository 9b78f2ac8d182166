package simulate

import (
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/chat/v1"
)

// listMembers is spaces.members.list: joined people and other bots. The app's
// own membership isn't listed under app authentication.
func (a *chatAPI) listMembers(r *chatRequest) (any, *apiError) {
	if r.URL.Query().Get("filter") != "" {
		return nil, &apiError{code: http.StatusNotImplemented, status: "UNIMPLEMENTED", message: "The simulated Workspace can't filter members."}
	}
	invited, apiErr := flag(r.Request, "showInvited")
	if apiErr != nil {
		return nil, apiErr
	}
	if invited {
		return nil, invalid("show_invited requires user authentication.")
	}
	users := slices.DeleteFunc(r.space.joined(), func(u string) bool { return u == a.w.state.app })
	from, to, next, apiErr := pageOf(r.Request, len(users), 100, 1000)
	if apiErr != nil {
		return nil, apiErr
	}
	answer := &chat.ListMembershipsResponse{NextPageToken: next}
	for _, u := range users[from:to] {
		answer.Memberships = append(answer.Memberships, a.renderMember(r.space, r.space.members[u]))
	}
	return answer, nil
}

// getMember is spaces.members.get; "app" is the calling app.
func (a *chatAPI) getMember(r *chatRequest) (any, *apiError) {
	id := r.PathValue("member")
	user := "users/" + id
	if id == "app" {
		user = a.w.state.app
	}
	m := r.space.members[user]
	if m == nil {
		return nil, notFound("Membership not found: %s/members/%s.", r.space.name, id)
	}
	return a.renderMember(r.space, m), nil
}

func (a *chatAPI) renderMember(s *space, m *membership) *chat.Membership {
	return &chat.Membership{
		Name:   s.name + "/members/" + strings.TrimPrefix(m.user, "users/"),
		State:  m.state,
		Role:   m.role,
		Member: a.user(m.user),
	}
}
