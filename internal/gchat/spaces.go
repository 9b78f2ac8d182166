package gchat

import "context"

// SpaceInfo is what a list tells of a space.
type SpaceInfo struct {
	Name        string // "spaces/S"
	DisplayName string // "" for direct messages and group chats
	Type        string // SPACE, GROUP_CHAT or DIRECT_MESSAGE
	Threading   string // THREADED_MESSAGES, GROUPED_MESSAGES or UNTHREADED_MESSAGES; "" if it isn't told
}

// SpacesPage is one page of a list.
type SpacesPage struct {
	Spaces []SpaceInfo
	Next   string // token for the next page; "" for none
}

// spacesPerPage is the most that Google gives (fact sheet §6.1).
const spacesPerPage = 1000

// Spaces reads one page of the list of the spaces that the caller is in; page
// is the token of the one before, "" for the first. Direct messages and group
// chats in which nobody has written yet aren't listed.
func (c *Client) Spaces(ctx context.Context, page string) (SpacesPage, error) {
	answer, err := do(ctx, c, c.memberships.Spaces.List().PageSize(spacesPerPage).PageToken(page))
	if err != nil {
		return SpacesPage{}, classify(err).mark("list the spaces")
	}
	list := SpacesPage{Next: answer.NextPageToken}
	for _, s := range answer.Spaces {
		list.Spaces = append(list.Spaces, SpaceInfo{s.Name, s.DisplayName, s.SpaceType, s.SpaceThreadingState})
	}
	return list, nil
}
