package backfill

import (
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
)

const chat = "google.workspace.chat."

// Listable returns those of the event types that spaceEvents.list knows: the
// deletion of a space can't be listed, nor what isn't about a space.
func Listable(types []string) []string {
	return slices.DeleteFunc(slices.Clone(types), func(t string) bool { return !listable(t) })
}

func listable(eventType string) bool {
	switch kind, _, _ := strings.Cut(strings.TrimPrefix(eventType, chat), "."); kind {
	case "message", "membership", "reaction", "space":
		return eventType != chat+"space.v1.deleted"
	}
	return false
}

// delivery is the event as Pub/Sub would have brought it. Which subscription
// would have isn't known: the source is where it was fetched.
func delivery(space string, e *gchat.SpaceEvent, now time.Time) events.Delivery {
	d := events.Delivery{
		ReceivedAt: now.UTC(),
		Origin:     events.OriginBackfill,
		Data:       e.Data,
		Attributes: map[string]string{
			"ce-id":              e.Name,
			"ce-type":            e.Type,
			"ce-time":            e.Time,
			"ce-source":          "//chat.googleapis.com/" + space,
			"ce-subject":         "//chat.googleapis.com/" + space,
			"ce-specversion":     "1.0",
			"ce-datacontenttype": "application/json",
		},
	}
	if d.Data == nil {
		d.Data = []byte("{}")
	}
	d.Event, d.Malformed = events.Decode(d.Attributes, d.Data)
	return d
}
