package simulate

import (
	"maps"
	"slices"

	"google.golang.org/api/chat/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// listMembers is spaces.members.list. Under app authentication it lists
// neither apps nor invited people nor Google Groups; people who are in through
// a group are never listed.
func (a *chatAPI) listMembers(r *chatRequest) (any, *apiError) {
	if r.URL.Query().Get("filter") != "" {
		return nil, unimplemented("can't filter members.")
	}
	asApp := a.w.authority == ""
	invited, apiErr := flag(r.Request, "showInvited")
	if apiErr != nil {
		return nil, apiErr
	}
	groups, apiErr := flag(r.Request, "showGroups")
	if apiErr != nil {
		return nil, apiErr
	}
	switch {
	case asApp && invited:
		return nil, invalid("show_invited requires user authentication.")
	case asApp && groups:
		// Documented is only that it takes user authentication.
		return nil, invalid("show_groups requires user authentication.")
	}
	var all []*chat.Membership
	for _, user := range slices.Sorted(maps.Keys(r.space.members)) {
		m := r.space.members[user]
		if (m.state == stateJoined || invited) && (!asApp || a.w.state.users[user].userType != typeBot) {
			all = append(all, a.renderMember(r.space, m))
		}
	}
	if groups {
		for _, membership := range slices.Sorted(maps.Keys(r.space.groups)) {
			all = append(all, renderGroup(r.space, membership))
		}
	}
	from, to, next, apiErr := pageOf(r.Request, len(all), 100, 1000)
	if apiErr != nil {
		return nil, apiErr
	}
	for _, m := range all[from:to] {
		if m.Member != nil {
			a.w.listed[m.Member.Name] = true
		}
	}
	return &chat.ListMembershipsResponse{Memberships: all[from:to], NextPageToken: next}, nil
}

// getMember is spaces.members.get; "app" is the calling app.
func (a *chatAPI) getMember(r *chatRequest) (any, *apiError) {
	id := r.PathValue("member")
	user := "users/" + id
	if id == "app" {
		user = a.w.state.app
	}
	if membership := r.space.name + "/members/" + id; r.space.groups[membership] != nil && a.w.authority != "" {
		return renderGroup(r.space, membership), nil
	}
	m := r.space.members[user]
	if m == nil {
		return nil, notFound("Membership not found: %s/members/%s.", r.space.name, id)
	}
	return a.renderMember(r.space, m), nil
}

func (a *chatAPI) renderMember(s *space, m *membership) *chat.Membership {
	return &chat.Membership{
		Name:   events.MemberName(s.name, m.user),
		State:  m.state,
		Role:   m.role,
		Member: a.user(m.user),
		// Documented as "the creation time of the membership, such as when a
		// member joined or was invited", immutable. That somebody who comes
		// back gets a new one is assumed.
		CreateTime:  stamp(m.since),
		Affiliation: a.w.state.users[m.user].affiliation(),
	}
}

func renderGroup(s *space, membership string) *chat.Membership {
	return &chat.Membership{
		Name:        membership,
		State:       stateJoined,
		GroupMember: &chat.Group{Name: s.groups[membership].name},
	}
}
