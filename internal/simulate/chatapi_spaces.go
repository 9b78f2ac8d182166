package simulate

import (
	"regexp"
	"slices"
	"strings"

	"google.golang.org/api/chat/v1"
)

// listSpaces is spaces.list: the spaces that the caller is in, by type at most.
func (a *chatAPI) listSpaces(r *chatRequest) (any, *apiError) {
	wanted := []string{"SPACE", "DIRECT_MESSAGE"}
	if filter := r.URL.Query().Get("filter"); filter != "" {
		var apiErr *apiError
		if wanted, apiErr = spaceTypes(filter); apiErr != nil {
			return nil, apiErr
		}
	}
	var all []*space
	for _, name := range a.w.state.spaceOrder {
		if s := a.w.state.spaces[name]; slices.Contains(wanted, s.spaceType()) && !s.deleted && s.isJoined(a.w.caller()) {
			all = append(all, s)
		}
	}
	from, to, next, apiErr := pageOf(r.Request, len(all), 100, 1000)
	if apiErr != nil {
		return nil, apiErr
	}
	answer := &chat.ListSpacesResponse{NextPageToken: next}
	for _, s := range all[from:to] {
		a.w.listed[s.name] = true
		answer.Spaces = append(answer.Spaces, renderSpace(s))
	}
	return answer, nil
}

var spaceTypeTerm = regexp.MustCompile(`^\s*space_?[tT]ype\s*=\s*"(SPACE|GROUP_CHAT|DIRECT_MESSAGE)"\s*$`)

// spaceTypes reads a filter such as
// `space_type = "SPACE" OR spaceType = "GROUP_CHAT"`.
func spaceTypes(filter string) (types []string, apiErr *apiError) {
	for term := range strings.SplitSeq(filter, " OR ") {
		match := spaceTypeTerm.FindStringSubmatch(term)
		if match == nil {
			return nil, invalid("Invalid filter %q.", filter)
		}
		types = append(types, match[1])
	}
	return types, nil
}

// findDirectMessage is spaces.findDirectMessage, as the app.
func (a *chatAPI) findDirectMessage(r *chatRequest) (any, *apiError) {
	name := r.URL.Query().Get("name")
	if u := a.w.state.users[name]; u == nil || u.userType == typeBot {
		return nil, invalid("Invalid user resource name %q.", name)
	}
	s := a.w.state.directMessage(name)
	if s == nil {
		return nil, notFound("Direct message space not found.")
	}
	return renderSpace(s), nil
}

// getSpace is spaces.get.
func (a *chatAPI) getSpace(r *chatRequest) (any, *apiError) {
	return renderSpace(r.space), nil
}

func renderSpace(s *space) *chat.Space {
	out := &chat.Space{
		Name:              s.name,
		SpaceType:         s.spaceType(),
		DisplayName:       s.displayName,
		SpaceHistoryState: "HISTORY_ON",
		CreateTime:        stamp(s.createTime),
	}
	if s.directFor != "" {
		out.Type, out.SpaceThreadingState, out.SingleUserBotDm = "DM", "UNTHREADED_MESSAGES", true
	} else {
		out.Type, out.SpaceThreadingState = "ROOM", s.threading()
		out.SpaceDetails = &chat.SpaceDetails{Description: s.description}
	}
	return out
}
