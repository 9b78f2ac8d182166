package simulate

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// resource is a kind of thing that events are about.
type resource struct {
	kind events.Kind
	// number stands in event ids. Captures show 5, 6 and 58; the
	// memberships' isn't known.
	number int
}

var (
	resourceMessage    = resource{events.KindMessage, 6}
	resourceMembership = resource{events.KindMembership, 12}
	resourceReaction   = resource{events.KindReaction, 58}
	resourceSpace      = resource{events.KindSpace, 5}
)

// change is one thing that happened to one resource.
type change struct {
	resource resource
	verb     events.Verb
	space    *space
	name     string // full resource name
	payload  any    // what stands below the resource's key
	join     *Join  // set if somebody joined
	at       time.Time

	actor, state, text, viewer string // for [EventItem]
}

func (c *change) eventType() string { return events.TypeName(c.resource.kind, c.verb) }

// Coalesce runs fn and sends what changed meanwhile as Google sends what
// happens within a short time: several changes of one type in one space make
// one batch event. A space's deletion has no batch form.
func (w *Workspace) Coalesce(fn func() error) error {
	w.mu.Lock()
	w.beginCoalesce()
	w.mu.Unlock()
	err := fn()
	_ = w.change(func() error { w.endCoalesce(); return nil })
	return err
}

func (w *Workspace) beginCoalesce() { w.coalesce++ }

func (w *Workspace) endCoalesce() {
	w.coalesce--
	if w.coalesce > 0 {
		return
	}
	type group struct {
		eventType string
		space     *space
	}
	groups := map[group][]change{}
	var order []group
	for _, c := range w.waiting {
		g := group{c.eventType(), c.space}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], c)
	}
	w.waiting = nil
	for _, g := range order {
		if g.eventType != spaceDeleted {
			w.emitEvent(groups[g]...)
			continue
		}
		for _, c := range groups[g] {
			w.emitEvent(c)
		}
	}
}

// emit sends the event of a change, or keeps it for the running Coalesce. The
// lock is held.
func (w *Workspace) emit(at time.Time, c change) {
	c.at = at
	if w.coalesce > 0 {
		w.waiting = append(w.waiting, c)
		return
	}
	w.emitEvent(c)
}

// emitEvent makes one SpaceEvent of changes of one type in one space and hands
// it to every subscription that asked for it. Its time is that of the last.
func (w *Workspace) emitEvent(items ...change) {
	first, at := &items[0], items[len(items)-1].at
	batch := len(items) > 1
	eventType := first.eventType()
	if t, _ := events.TypeOf(eventType); batch {
		eventType = t.Batch()
	}
	verb := eventType[strings.LastIndexByte(eventType, '.')+1:]
	id := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d_%d_%s", at.UnixMicro(), first.resource.number, verb))
	event := Event{
		ID: first.space.name + "/spaceEvents/" + id, Type: eventType,
		Space: first.space.name, SpaceDisplay: first.space.displayName, Time: at,
	}
	entry := PublishedEvent{ID: event.ID, Type: eventType, Space: event.Space, Time: at, Items: len(items)}
	for _, sub := range w.receivers(first) {
		items := w.visible(sub, items)
		if len(items) == 0 {
			continue
		}
		data, err := encodePayload(items, batch, sub.payload)
		if err != nil {
			panic(fmt.Sprintf("encode %s: %v", event.ID, err)) // only our own types come here
		}
		event.Deliveries++
		own := entry
		own.Subscription, own.Topic, own.Items = sub.name, sub.topic, len(items)
		w.deliver(delivery{
			sub:     sub,
			entry:   own,
			message: cloudEvent(event.ID, eventType, sub.name, spaceTarget(first.space.name), at, data),
		})
	}
	if event.Deliveries == 0 {
		w.truth.Undelivered = append(w.truth.Undelivered, entry)
	}
	for _, c := range items {
		if c.join != nil {
			c.join.EventID = event.ID
			c.join.Published = event.Deliveries > 0
			w.truth.Joins = append(w.truth.Joins, *c.join)
		}
	}
	w.keepPast(event, batch, items)
	w.notice(event, items)
}

// cloudEvent is a Pub/Sub message as Google publishes events of a subscription.
func cloudEvent(id, eventType, subscription, subject string, at time.Time, data []byte) *pubsubpb.PubsubMessage {
	source := "//workspaceevents.googleapis.com/" + subscription
	return &pubsubpb.PubsubMessage{
		Data: data,
		Attributes: map[string]string{
			"ce-id":              id,
			"ce-type":            eventType,
			"ce-source":          source,
			"ce-subject":         subject,
			"ce-time":            stamp(at),
			"ce-specversion":     "1.0",
			"ce-datacontenttype": "application/json",
		},
		OrderingKey: source,
	}
}

func (w *Workspace) notice(event Event, items []change) {
	if w.opts.OnEvent == nil {
		return
	}
	for _, c := range items {
		item := EventItem{Resource: c.name, Actor: c.actor, State: c.state, Text: c.text, Viewer: c.viewer}
		if u := w.state.users[c.actor]; u != nil {
			item.ActorDisplay = u.displayName
		}
		event.Items = append(event.Items, item)
	}
	w.notices = append(w.notices, event)
}
