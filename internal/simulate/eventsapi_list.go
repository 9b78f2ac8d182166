package simulate

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// list is subscriptions.list.
func (a *eventsAPI) list(r *eventsRequest) (any, *apiError) {
	filter, apiErr := parseFilter(r.URL.Query().Get("filter"))
	if apiErr != nil {
		return nil, apiErr
	}
	size, after, apiErr := listPage(r.Request)
	if apiErr != nil {
		return nil, apiErr
	}
	reg, mine := &a.w.subs, a.w.owner()
	at, found := slices.BinarySearch(reg.names, after)
	if found {
		at++
	}
	answer := make(rawJSON, 0, min(size, len(reg.names)-at)*typicalLength+100)
	answer = append(answer, `{"subscriptions":[`...)
	n, last, next := 0, "", ""
	for _, name := range reg.names[at:] {
		s := reg.byName[name]
		if s.owner != mine || r.now.Before(s.liveFrom) || !filter.matches(s) {
			continue
		}
		if n == size {
			next = `,"nextPageToken":"` + pageToken(r.Request, last) + `"`
			break
		}
		if n > 0 {
			answer = append(answer, ',')
		}
		answer = append(answer, s.render()...)
		n, last = n+1, name
	}
	return append(answer, "]"+next+"}"...), nil
}

// typicalLength is how many bytes a subscription with all event types has.
const typicalLength = 1400

// listPage reads the size of the page and the name that it comes after. A
// token is good for the filter that it was made for.
func listPage(r *http.Request) (size int, after string, apiErr *apiError) {
	size, apiErr = pageSize(r, 50, 100)
	token := r.URL.Query().Get("pageToken")
	if apiErr != nil || token == "" {
		return size, "", apiErr
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	_, after, _ = strings.Cut(string(raw), " ")
	if err != nil || pageToken(r, after) != token {
		return 0, "", invalid("Invalid page token %q.", token)
	}
	return size, after, nil
}

func pageToken(r *http.Request, after string) string {
	sum := sha256.Sum256([]byte(r.URL.Query().Get("filter")))
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%x %s", sum[:4], after))
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
		if !strings.HasPrefix(term[1], events.ChatPrefix) {
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
