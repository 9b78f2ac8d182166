package simulate

import (
	"regexp"
	"slices"
	"strings"

	"google.golang.org/api/workspaceevents/v1"
)

// list is subscriptions.list.
func (a *eventsAPI) list(r *eventsRequest) (any, *apiError) {
	filter, apiErr := parseFilter(r.URL.Query().Get("filter"))
	if apiErr != nil {
		return nil, apiErr
	}
	found := slices.DeleteFunc(a.w.subs.live(r.now), func(s *subscription) bool { return !filter.matches(s) })
	from, to, next, apiErr := pageOf(r.Request, len(found), 50, 100)
	if apiErr != nil {
		return nil, apiErr
	}
	answer := &workspaceevents.ListSubscriptionsResponse{NextPageToken: next}
	for _, s := range found[from:to] {
		answer.Subscriptions = append(answer.Subscriptions, s.render())
	}
	return answer, nil
}

// subscriptionFilter is the filter of subscriptions.list: one of the types,
// and the target unless it is "".
type subscriptionFilter struct {
	types  []string
	target string
}

var (
	filterForm = regexp.MustCompile(`^\s*(\(?)\s*(event_types:"[^"]*"(?:\s+OR\s+event_types:"[^"]*")*)\s*(\)?)(?:\s+AND\s+target_resource="([^"]+)")?\s*$`)
	filterType = regexp.MustCompile(`event_types:"([^"]*)"`)
)

// parseFilter reads the three documented forms; several types beside a target
// need parentheses. Everything else is an INVALID_ARGUMENT at Google.
func parseFilter(filter string) (subscriptionFilter, *apiError) {
	if strings.TrimSpace(filter) == "" {
		return subscriptionFilter{}, invalid("Missing filter: at least one event type is required.")
	}
	match := filterForm.FindStringSubmatch(filter)
	if match == nil || (match[1] == "") != (match[3] == "") {
		return subscriptionFilter{}, invalid("Error parsing the filter %q.", filter)
	}
	f := subscriptionFilter{target: match[4]}
	for _, term := range filterType.FindAllStringSubmatch(match[2], -1) {
		if !strings.HasPrefix(term[1], "google.workspace.") {
			return subscriptionFilter{}, invalid("Invalid event type %q in the filter.", term[1])
		}
		f.types = append(f.types, term[1])
	}
	if len(f.types) > 1 && f.target != "" && match[1] == "" {
		return subscriptionFilter{}, invalid("Error parsing the filter %q: OR beside AND needs parentheses.", filter)
	}
	return f, nil
}

func (f subscriptionFilter) matches(s *subscription) bool {
	if f.target != "" && f.target != s.target {
		return false
	}
	return slices.ContainsFunc(f.types, func(t string) bool { return slices.Contains(s.types, t) })
}
