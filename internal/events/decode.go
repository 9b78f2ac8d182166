package events

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Decode reads one message under [DefaultLimits]: a CloudEvent in binary mode,
// as Workspace Events publishes it, or an interaction event of a Chat app,
// which has no ce-* attributes. Exactly one of the results is nil. A caller
// that has a SpaceEvent instead of a message states its name, type and time as
// ce-id, ce-type and ce-time, and its subscription as ce-source.
//
// The data is read once, strictly, and not changed. Strings of the event are
// copies, so it doesn't keep data alive. If Decode succeeds, data is valid JSON
// in which no two keys of an object are equal and every string can be stored in
// Postgres, but for the elements that a batch refused, which are JSON and no
// more, and for an event of an undocumented type that says itself, in
// ce-datacontenttype, that its data is not JSON.
func Decode(attributes map[string]string, data []byte) (*Event, *Malformed) {
	return DefaultLimits().Decode(attributes, data)
}

// Decode is [Decode] under other limits.
func (l Limits) Decode(attributes map[string]string, data []byte) (*Event, *Malformed) {
	env, bad := readAttributes(attributes)
	if bad != nil {
		return nil, bad
	}
	if len(data) > l.MaxBytes {
		return nil, malformed(ReasonTooLarge, "%d bytes of data; %d are allowed", len(data), l.MaxBytes)
	}
	// Room for the keys of most messages.
	r := reader{data: data, limits: l, keys: make([]mark, 0, 20)}
	if !env.cloudEvent {
		return r.interaction()
	}
	t, known := typesByName[env.ceType]
	if !env.json && known {
		return nil, malformed(ReasonUnsupportedContentType, "ce-datacontenttype isn't application/json, which events of this type are in")
	}

	// One allocation for an event of one item, as most are.
	box := &struct {
		event Event
		item  [1]Item
	}{}
	ev := &box.event
	*ev = Event{ID: env.id, Source: env.source, Type: env.ceType, Subject: env.subject, Time: env.time}
	if known && env.ceType != t.Name {
		ev.Batch = true
	} else {
		ev.Items = box.item[:]
	}

	switch {
	case known:
		r.payload(ev, t)
	case env.json:
		r.skip()
		r.end()
		fallthrough
	default:
		ev.Items[0] = Item{Kind: KindUnknown, Verb: VerbOther}
	}
	if r.fail != nil {
		return nil, r.fail
	}
	for i := range ev.Items {
		if it := &ev.Items[i]; it.Space == "" {
			it.Space = SpaceOf(ev.Subject)
		}
	}
	return ev, nil
}

// payload reads the data of a documented event type.
func (r *reader) payload(ev *Event, t *Type) {
	key := t.Plural
	if !ev.Batch {
		key = t.Resource
		ev.Items[0] = Item{Kind: t.Kind, Verb: t.Verb}
	}
	found := false
	if r.object() {
		for r.nextKey() {
			switch {
			case string(r.key) != key:
				r.skip()
			case !ev.Batch:
				r.resource(&ev.Items[0])
				found = true
			case r.array():
				found = r.elements(ev, t)
			}
		}
	}
	r.end()
	switch {
	case r.fail != nil:
	case t.Kind == KindSubscription:
		r.nameSubscription(ev)
	case !found:
		r.failf(ReasonMissingResource, 0, "the data holds no %q, which the event's type asks for", key)
	case len(ev.Items) == 0 || ev.Items[0].Resource == "":
		r.failf(ReasonMissingName, 0, "no %s in the data has a name", t.Kind)
	}
}

// elements reads the elements of a batch into items, and returns whether there
// was any. What names nothing becomes no item, but keeps its ordinal, so that
// the item can still be recorded if another copy of the event names it. An
// element that can't be read, for whatever reason, is refused alone as long as it
// is clear where it ends: the others are good.
func (r *reader) elements(ev *Event, t *Type) (found bool) {
	var refused []string
	defer func() {
		if len(ev.Items) == 0 && r.fail == nil {
			r.fail = ev.Refused
		}
		if ev.Refused != nil {
			ev.Refused.Detail += fmt.Sprintf("; elements refused: %d (%s)", len(refused), strings.Join(refused[:min(len(refused), 20)], ", "))
		}
	}()
	for n := 0; r.nextElement(); n++ {
		if n == r.limits.MaxItems {
			r.failf(ReasonTooManyItems, r.pos, "a batch of more than %d resources", r.limits.MaxItems)
			break
		}
		ev.Items = append(ev.Items, Item{Ordinal: n, Kind: t.Kind, Verb: t.Verb})
		last := len(ev.Items) - 1
		start := *r
		r.element(&ev.Items[last], t.Resource)
		bad := r.fail
		if bad != nil {
			*r = start
			r.cut() // which fails if it isn't JSON
			ev.Refused = cmp.Or(ev.Refused, bad)
			refused = append(refused, strconv.Itoa(n))
		}
		if bad != nil || ev.Items[last].Resource == "" {
			ev.Items = ev.Items[:last]
		}
		found = true
	}
	return found
}

// element reads one element of a batch, which is like the data of a single event.
func (r *reader) element(it *Item, key string) {
	start, found := r.pos, false
	if r.object() {
		for r.nextKey() {
			if string(r.key) == key {
				r.resource(it)
				found = true
			} else {
				r.skip()
			}
		}
	}
	if !found {
		r.failf(ReasonMissingResource, start, "item %d of the batch holds no %q", it.Ordinal, key)
	}
}

// nameSubscription settles which subscription a lifecycle event is about. No
// capture of one is public, so the source, which is documented to be the same,
// stands in for whatever the payload lacks.
func (r *reader) nameSubscription(ev *Event) {
	it := &ev.Items[0]
	if it.Subscription == nil {
		it.Subscription = &Subscription{}
	}
	if it.Subscription.Name == "" {
		it.Subscription.Name = SubscriptionName(ev.Source)
	}
	it.Resource = it.Subscription.Name
	if it.Resource == "" {
		r.failf(ReasonMissingName, 0, "neither the data nor ce-source names a subscription")
	}
}
