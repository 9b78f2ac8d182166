// Package items is what the rooms of the event log hand each other: the items
// of events, their keys, and the order in which they count.
//
// It promises that every replica orders the same items the same way, whatever
// order they arrive in.
package items

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Row is one item of one event on its way into the database.
type Row struct {
	Index    int // of its delivery, for whoever made the row
	Key      Key
	Time     time.Time // of the event, in microseconds
	Delivery *events.Delivery
	Event    *events.Event
	Item     *events.Item
	Fetched  time.Time // when the item's content was fetched; zero if the event held it

	// Numbers of names, filled in by package numbers; 0 for none.
	TypeID, SourceID, SpaceID, ActorID int32
}

// ID tells items apart.
type ID struct {
	Key     Key
	Ordinal int
}

// ID is the row's.
func (r *Row) ID() ID { return ID{r.Key, r.Item.Ordinal} }

// Backfilled reports whether the event was fetched, not delivered.
func (r *Row) Backfilled() bool { return r.Delivery.Origin == events.OriginBackfill }

// AsOf is when the content was fetched; zero if it is that of the event's time.
func (r *Row) AsOf() time.Time {
	if r.Backfilled() {
		return r.Delivery.ReceivedAt
	}
	return r.Fetched
}

// Version is the state that the item tells.
func (r *Row) Version() Version {
	return Version{
		Time: r.Time, Event: r.Time, Verb: r.Item.Verb, Key: r.Key, Ordinal: r.Item.Ordinal, AsOf: store.Microseconds(r.AsOf()),
	}
}

// Version orders the states of one thing: by time; where two have the same, by
// the time of the event, which for a message may be another, and by what
// happened, as nothing changes before it is there or after it is gone; and then
// by event, so that every replica decides the same.
type Version struct {
	Time    time.Time // in microseconds; zero: older than any
	Event   time.Time // of the event
	Verb    events.Verb
	Key     Key
	Ordinal int
	AsOf    time.Time // when the content was fetched; zero if the event held it
}

// Compare also tells copies of one event apart: its own content counts more
// than what was fetched, and that more the earlier it was.
func (v Version) Compare(w Version) int {
	return cmp.Or(v.Time.Compare(w.Time), v.Event.Compare(w.Event), cmp.Compare(v.VerbOrder(), w.VerbOrder()),
		bytes.Compare(v.Key[:], w.Key[:]), cmp.Compare(v.Ordinal, w.Ordinal), w.AsOf.Compare(v.AsOf))
}

// VerbOrder is what the columns verb_order hold.
func (v Version) VerbOrder() int16 {
	return int16(max(0, slices.Index(verbs[:], v.Verb)))
}

// Verb is that of a column verb_order.
func Verb(order int) events.Verb { return verbs[order] }

// verbs are in the order in which they count.
var verbs = [...]events.Verb{"", events.VerbCreated, events.VerbUpdated, events.VerbDeleted}

// PgTime maps the zero time to -infinity, where every other is later.
func (v Version) PgTime() pgtype.Timestamptz {
	if v.Time.IsZero() {
		return pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: v.Time, Valid: true}
}

// Compact sorts rows by key and keeps the newest of each: a statement can't
// touch a row twice, and one order of keys is what keeps writers from waiting
// in a circle. merge is called with the newer and the older of two rows.
func Compact[R any](rows []R, key func(*R) string, at func(*R) Version, merge func(newer, older *R)) []R {
	slices.SortStableFunc(rows, func(x, y R) int {
		return cmp.Or(cmp.Compare(key(&x), key(&y)), at(&y).Compare(at(&x)))
	})
	kept := rows[:0]
	for i := range rows {
		if n := len(kept); n > 0 && key(&kept[n-1]) == key(&rows[i]) {
			merge(&kept[n-1], &rows[i])
			continue
		}
		kept = append(kept, rows[i])
	}
	return kept
}

// Pages reads page by page until one isn't full. read gets the last row of the
// page before, nil at first.
func Pages[T any](size int, read func(last *T) ([]T, error)) error {
	var last *T
	for {
		list, err := read(last)
		if err != nil || len(list) < size {
			return err
		}
		last = &list[size-1]
	}
}
