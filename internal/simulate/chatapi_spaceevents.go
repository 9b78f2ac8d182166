package simulate

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// pastDays is how long Google lists events (fact sheet §5).
const pastDays = 28

// pastEvent is a SpaceEvent that can still be listed.
type pastEvent struct {
	id        string // "spaces/S/spaceEvents/E"
	eventType string
	single    string // the type that has to be asked for: the event's, or that of its batch form
	time      time.Time
	batch     bool
	items     []change
}

// keepPast remembers an event, delivered or not. A space's deletion can't be
// listed.
func (w *Workspace) keepPast(e Event, batch bool, items []change) {
	s := items[0].space
	if e.Type == spaceDeleted {
		return
	}
	oldest := e.Time.AddDate(0, 0, -pastDays)
	gone := 0
	for gone < len(s.past) && s.past[gone].time.Before(oldest) {
		gone++
	}
	s.past = append(s.past[gone:], pastEvent{e.ID, e.Type, items[0].eventType(), e.Time, batch, slices.Clone(items)})
}

// listSpaceEvents is spaces.spaceEvents.list.
func (a *chatAPI) listSpaceEvents(r *chatRequest) (any, *apiError) {
	if a.w.conditions[AppNotConfigured] {
		return nil, appNotFound()
	}
	f, apiErr := parseEventFilter(r.URL.Query().Get("filter"))
	if apiErr != nil {
		return nil, apiErr
	}
	if oldest := a.w.state.now().AddDate(0, 0, -pastDays); f.after.Before(oldest) {
		f.after = oldest
	}
	// Events can come in out of order by microseconds when a batch ends.
	var found []*pastEvent
	for i := range r.space.past {
		if e := &r.space.past[i]; f.matches(e) {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b *pastEvent) int { return a.time.Compare(b.time) })
	from, to, next, apiErr := pageOf(r.Request, len(found), 25, 100)
	if apiErr != nil {
		return nil, apiErr
	}
	list := make([]map[string]any, 0, to-from)
	for _, e := range found[from:to] {
		list = append(list, a.w.renderPast(r.space, e))
	}
	answer := map[string]any{"spaceEvents": list}
	if next != "" {
		answer["nextPageToken"] = next
	}
	return answer, nil
}

// getSpaceEvent is spaces.spaceEvents.get.
func (a *chatAPI) getSpaceEvent(r *chatRequest) (any, *apiError) {
	if a.w.conditions[AppNotConfigured] {
		return nil, appNotFound()
	}
	id := r.space.name + "/spaceEvents/" + r.PathValue("event")
	oldest := a.w.state.now().AddDate(0, 0, -pastDays)
	for i := range r.space.past {
		if e := &r.space.past[i]; e.id == id && !e.time.Before(oldest) {
			return a.w.renderPast(r.space, e), nil
		}
	}
	return nil, notFound("Space event not found: %s.", id)
}

// renderPast shows the newest version of what the event was about, as Google
// does, and not how it was then.
func (w *Workspace) renderPast(s *space, e *pastEvent) map[string]any {
	key := string(e.items[0].resource.kind)
	wrapped := make([]map[string]any, len(e.items))
	for i := range e.items {
		wrapped[i] = map[string]any{key: w.latest(s, &e.items[i])}
	}
	verb := e.eventType[strings.LastIndex(e.eventType, ".")+1:]
	data := any(wrapped[0])
	if e.batch {
		data = map[string]any{key + "s": wrapped}
	}
	return map[string]any{
		"name": e.id, "eventTime": stamp(e.time), "eventType": e.eventType,
		key + strings.ToUpper(verb[:1]) + verb[1:] + "EventData": data,
	}
}

func (w *Workspace) latest(s *space, c *change) any {
	switch c.resource {
	case resourceMessage:
		m := s.messages[c.name]
		switch {
		case m == nil:
		case m.deleteTime.IsZero():
			return w.messageChange(s, m, "updated").payload
		default:
			return w.messageChange(s, m, "deleted").payload
		}
	case resourceMembership:
		if c.verb == "deleted" {
			break
		}
		m := s.members[c.actor]
		if s.groups[c.name] != nil {
			break
		}
		if m == nil {
			return struct{}{} // somebody who has left since comes empty
		}
		return w.memberChange(s, m, "updated").payload
	case resourceSpace:
		return spaceChange(s, "updated").payload
	}
	return c.payload
}

// eventFilter is the filter of spaceEvents.list.
type eventFilter struct {
	types   []string
	after   time.Time // exclusive
	through time.Time // inclusive; zero for now
}

var (
	timeTerm  = regexp.MustCompile(`^\s*(start_time|end_time)\s*=\s*"([^"]+)"\s*$`)
	typesTerm = regexp.MustCompile(`^\s*(\(?)\s*(event_types:"[^"]*"(?:\s+OR\s+event_types:"[^"]*")*)\s*(\)?)\s*$`)
)

// parseEventFilter reads the documented grammar; what was measured to be
// refused is refused here.
func parseEventFilter(filter string) (eventFilter, *apiError) {
	var f eventFilter
	terms := strings.Split(filter, " AND ")
	for _, term := range terms {
		if match := timeTerm.FindStringSubmatch(term); match != nil {
			at, err := time.Parse(time.RFC3339Nano, match[2])
			if err != nil {
				return f, invalid("Invalid time %q in the filter.", match[2])
			}
			if match[1] == "start_time" {
				f.after = at
			} else {
				f.through = at
			}
			continue
		}
		match := typesTerm.FindStringSubmatch(term)
		if match == nil || (match[1] == "") != (match[3] == "") || f.types != nil {
			if !strings.Contains(filter, "event_types:") {
				return f, invalid("Missing event types in the filter.")
			}
			return f, invalid("Error parsing the filter %q.", filter)
		}
		for _, t := range filterType.FindAllStringSubmatch(match[2], -1) {
			f.types = append(f.types, t[1])
		}
		if match[1] == "" && (len(terms) > 1 || len(f.types) > 1) {
			return f, invalid("Error parsing the filter %q.", filter)
		}
	}
	if len(f.types) == 0 {
		return f, invalid("Missing event types in the filter.")
	}
	for _, name := range f.types {
		if t, _ := events.TypeOf(name); !t.Listable || t.Name != name {
			return f, invalid("The event type %q can't be listed.", name)
		}
	}
	return f, nil
}

func (f eventFilter) matches(e *pastEvent) bool {
	return slices.Contains(f.types, e.single) && e.time.After(f.after) && (f.through.IsZero() || !e.time.After(f.through))
}
