package gchat

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// EventsQuery asks for the events of a space in (After, Through], in their
// order. Google keeps them for 28 days (fact sheet §5).
type EventsQuery struct {
	Space   string   // "spaces/S"
	Types   []string // full names; batch forms come along and can't be named
	After   time.Time
	Through time.Time
	Page    string // token of the page before; "" for the first
}

// EventsPage is one page of the answer.
type EventsPage struct {
	Events []SpaceEvent
	Next   string // token for the next page; "" for none
}

// SpaceEvent is a past event. Its resource is as it is now, not as it was.
type SpaceEvent struct {
	Name string          // "spaces/S/spaceEvents/E": the ce-id of the same event
	Type string          // the ce-type
	Time string          // the ce-time, as Google writes it
	Data json.RawMessage // what the message's data was, as received; nil if there was none
}

// eventsPerPage is the most that Google gives.
const eventsPerPage = 100

// SpaceEvents reads one page. Errors are marked as those of CreateMessage are.
func (c *Client) SpaceEvents(ctx context.Context, q EventsQuery) (EventsPage, error) {
	doing := "list the events of " + q.Space
	if err := c.pace.EventReads.Wait(ctx); err != nil {
		return EventsPage{}, fmt.Errorf("%s: %w", doing, err)
	}
	var got received
	call := c.reader.Spaces.SpaceEvents.List(q.Space).Filter(q.filter()).PageSize(eventsPerPage).PageToken(q.Page)
	if _, err := do(withReceived(ctx, &got), c, call); err != nil {
		return EventsPage{}, classify(err).mark(doing)
	}
	page, err := readEvents(got.body.Bytes())
	if err != nil {
		return EventsPage{}, fmt.Errorf("%s: %w", doing, err)
	}
	return page, nil
}

// filter writes the terms in the one form that is documented: times first,
// types in parentheses.
func (q EventsQuery) filter() string {
	var terms []string
	if !q.After.IsZero() {
		terms = append(terms, fmt.Sprintf("start_time=%q", q.After.UTC().Format(time.RFC3339Nano)))
	}
	if !q.Through.IsZero() {
		terms = append(terms, fmt.Sprintf("end_time=%q", q.Through.UTC().Format(time.RFC3339Nano)))
	}
	types := make([]string, len(q.Types))
	for i, t := range q.Types {
		types[i] = fmt.Sprintf("event_types:%q", t)
	}
	return strings.Join(append(terms, "("+strings.Join(types, " OR ")+")"), " AND ")
}

// readEvents parses an answer and leaves the data of its events as received.
func readEvents(raw []byte) (EventsPage, error) {
	var answer struct {
		SpaceEvents   []map[string]json.RawMessage `json:"spaceEvents"`
		NextPageToken string                       `json:"nextPageToken"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return EventsPage{}, fmt.Errorf("read the answer: %w", err)
	}
	page := EventsPage{Next: answer.NextPageToken}
	for _, fields := range answer.SpaceEvents {
		e, err := readEvent(fields)
		if err != nil {
			return EventsPage{}, err
		}
		page.Events = append(page.Events, e)
	}
	return page, nil
}

func readEvent(fields map[string]json.RawMessage) (e SpaceEvent, err error) {
	for key, value := range fields {
		switch {
		case key == "name":
			err = json.Unmarshal(value, &e.Name)
		case key == "eventType":
			err = json.Unmarshal(value, &e.Type)
		case key == "eventTime":
			err = json.Unmarshal(value, &e.Time)
		case strings.HasSuffix(key, "EventData"):
			e.Data = value
		}
		if err != nil {
			return SpaceEvent{}, fmt.Errorf("read %s of an event: %w", key, err)
		}
	}
	if e.Name == "" || e.Type == "" || e.Time == "" {
		return SpaceEvent{}, fmt.Errorf("read the answer: an event without name, type or time")
	}
	return e, nil
}
