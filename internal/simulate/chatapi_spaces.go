package simulate

import (
	"regexp"
	"strings"

	"google.golang.org/api/chat/v1"
)

// listSpaces is spaces.list: the spaces that the caller is in, by type at most.
func (a *chatAPI) listSpaces(r *chatRequest) (any, *apiError) {
	named := true
	if filter := r.URL.Query().Get("filter"); filter != "" {
		var apiErr *apiError
		if named, apiErr = wantsNamedSpaces(filter); apiErr != nil {
			return nil, apiErr
		}
	}
	var all []*space
	for _, name := range a.w.state.spaceOrder {
		if s := a.w.state.spaces[name]; named && !s.deleted && s.isJoined(a.w.caller()) {
			all = append(all, s)
		}
	}
	from, to, next, apiErr := pageOf(r.Request, len(all), 100, 1000)
	if apiErr != nil {
		return nil, apiErr
	}
	answer := &chat.ListSpacesResponse{NextPageToken: next}
	for _, s := range all[from:to] {
		answer.Spaces = append(answer.Spaces, renderSpace(s))
	}
	return answer, nil
}

var spaceTypeTerm = regexp.MustCompile(`^\s*space_?[tT]ype\s*=\s*"(SPACE|GROUP_CHAT|DIRECT_MESSAGE)"\s*$`)

// wantsNamedSpaces reads a filter such as
// `space_type = "SPACE" OR spaceType = "GROUP_CHAT"`. There are no spaces of
// the other types here.
func wantsNamedSpaces(filter string) (bool, *apiError) {
	named := false
	for term := range strings.SplitSeq(filter, " OR ") {
		match := spaceTypeTerm.FindStringSubmatch(term)
		if match == nil {
			return false, invalid("Invalid filter %q.", filter)
		}
		named = named || match[1] == "SPACE"
	}
	return named, nil
}

// getSpace is spaces.get.
func (a *chatAPI) getSpace(r *chatRequest) (any, *apiError) {
	return renderSpace(r.space), nil
}

func renderSpace(s *space) *chat.Space {
	return &chat.Space{
		Name:                s.name,
		Type:                "ROOM",
		SpaceType:           "SPACE",
		DisplayName:         s.displayName,
		SpaceThreadingState: "THREADED_MESSAGES",
		SpaceHistoryState:   "HISTORY_ON",
		SpaceDetails:        &chat.SpaceDetails{Description: s.description},
		CreateTime:          stamp(s.createTime),
	}
}
