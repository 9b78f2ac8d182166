package eventlog

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/quarantine"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
)

// version orders the states of one thing: by time; where two have the same, by
// the time of the event, which for a message may be another, and by what
// happened, as nothing changes before it is there or after it is gone; and then
// by event, so that every replica decides the same.
type version struct {
	time    time.Time // in microseconds; zero: older than any
	event   time.Time // of the event
	verb    events.Verb
	key     Key
	ordinal int
	asOf    time.Time // when the content was fetched; zero if the event held it
}

// compare also tells copies of one event apart: its own content counts more
// than what was fetched, and that more the earlier it was.
func (v version) compare(w version) int {
	return cmp.Or(v.time.Compare(w.time), v.event.Compare(w.event), cmp.Compare(v.verbOrder(), w.verbOrder()),
		bytes.Compare(v.key[:], w.key[:]), cmp.Compare(v.ordinal, w.ordinal), w.asOf.Compare(v.asOf))
}

// verbOrder is what the columns verb_order hold.
func (v version) verbOrder() int16 {
	return int16(max(0, slices.Index(verbs[:], v.verb)))
}

// verbs are in the order in which they count.
var verbs = [...]events.Verb{"", events.VerbCreated, events.VerbUpdated, events.VerbDeleted}

// pgTime maps the zero time to -infinity, where every other is later.
func (v version) pgTime() pgtype.Timestamptz {
	if v.time.IsZero() {
		return pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: v.time, Valid: true}
}

// pgKey is the event's key, for unnest.
func (v version) pgKey() pgtype.UUID { return pgtype.UUID{Bytes: v.key, Valid: true} }

// A new event may be this old or this far ahead, whether live or fetched
// later: Pub/Sub keeps messages 31 days, backfill reaches back 28. Anything
// else is a broken clock or an attack on the partitions.
const (
	oldestEvent = 40 * 24 * time.Hour
	newestEvent = 24 * time.Hour
)

// row is one item of one event on its way into the database.
type row struct {
	delivery int // index in the batch
	key      Key
	time     time.Time // of the event, in microseconds
	d        *events.Delivery
	ev       *events.Event
	it       *events.Item
	fetched  time.Time // when the item's content was fetched; zero if the event held it

	// Numbers of names, filled in by lookups; 0 for none.
	typeID, sourceID, spaceID, actorID int32
}

func (r *row) backfilled() bool { return r.d.Origin == events.OriginBackfill }

// asOf is when the content was fetched; zero if it is that of the event's time.
func (r *row) asOf() time.Time {
	if r.backfilled() {
		return r.d.ReceivedAt
	}
	return r.fetched
}

func (r *row) version() version {
	return version{time: r.time, event: r.time, verb: r.it.Verb, key: r.key, ordinal: r.it.Ordinal, asOf: store.Microseconds(r.asOf())}
}

// batch is what one transaction writes. It is built anew for every try.
type batch struct {
	deliveries []events.Delivery
	rows       []row // sorted by time, key and ordinal
	quarantine []quarantine.Message
	fate       fate

	months map[time.Time]bool

	// Filled by project.
	spaces      []spaceRow
	users       []userRow
	messages    []messageRow
	revisions   []messageRow
	reactions   []reactionRow
	memberships []membershipRow
	changes     []changeRow

	planned    map[int][]reactors.Intent // by index in rows: what rules want if the row is new
	neighbours []neighbour

	// Filled while the results are read.
	recorded   map[rowKey]bool
	markedLive map[rowKey]bool // a backfill had recorded them before
}

type rowKey struct {
	key     Key
	ordinal int
}

func (r *row) id() rowKey { return rowKey{r.key, r.it.Ordinal} }

// newBatch sorts out what is to be written.
func newBatch(deliveries []events.Delivery, f fate, clocks []time.Time) *batch {
	b := &batch{
		fate:       f,
		deliveries: deliveries,
		rows:       make([]row, 0, len(deliveries)),
		months:     map[time.Time]bool{},
		recorded:   make(map[rowKey]bool, len(deliveries)),
	}
	// Live ones first: of two copies in one batch, the backfilled is the duplicate.
	seen := make(map[Key]bool, len(deliveries))
	for _, late := range []bool{false, true} {
		for i := range deliveries {
			if d := &deliveries[i]; late == (d.Origin == events.OriginBackfill) {
				b.add(i, d, seen, clocks)
			}
		}
	}
	// By time first: then the indexes of time grow at their ends, and less of
	// their pages stays empty.
	slices.SortFunc(b.rows, func(x, y row) int {
		return cmp.Or(x.time.Compare(y.time), bytes.Compare(x.key[:], y.key[:]), cmp.Compare(x.it.Ordinal, y.it.Ordinal))
	})
	return b
}

func (b *batch) add(i int, d *events.Delivery, seen map[Key]bool, clocks []time.Time) {
	switch {
	case b.fate.quarantine != nil:
		b.setAside(i, b.fate.quarantine)
		return
	case d.Malformed != nil:
		b.setAside(i, d.Malformed)
		return
	}
	at := store.Microseconds(d.Event.Time)
	if absurd(d, clocks) {
		b.setAside(i, absurdTime(at))
		return
	}
	key := KeyOf(d.Event, d.MessageID)
	if seen[key] {
		return // delivered twice within the batch: a duplicate
	}
	seen[key] = true
	if d.Event.Refused != nil {
		b.setAside(i, d.Event.Refused) // for the elements that are no items
	}
	b.months[partitions.Month(at)] = true
	for j := range d.Event.Items {
		b.rows = append(b.rows, row{delivery: i, key: key, time: at, d: d, ev: d.Event, it: &d.Event.Items[j]})
	}
}

func (b *batch) setAside(i int, why *events.Malformed) {
	b.quarantine = append(b.quarantine, quarantine.NewMessage(i, &b.deliveries[i], why))
}

// project derives what the rows mean for each table. They must have their
// numbers.
func (b *batch) project() {
	for i := range b.rows {
		r := &b.rows[i]
		switch r.it.Kind {
		case events.KindMessage:
			b.addMessage(r)
		case events.KindReaction:
			b.addReaction(r)
		case events.KindMembership:
			b.addMembership(i)
		case events.KindSpace:
			b.addSpace(r)
		case events.KindInteraction:
			b.addInteraction(r)
		}
	}
	b.compactSpaces()
	b.compactUsers()
	b.compactMessages()
	b.compactReactions()
	b.compactMemberships()
}

// outcomes tells the deliveries apart once the batch is committed.
func (b *batch) outcomes(outcomes []events.Outcome) {
	for i := range outcomes {
		outcomes[i] = events.Duplicate
	}
	for _, q := range b.quarantine {
		outcomes[q.Index] = events.Quarantined
	}
	// One of which a part was refused is recorded with the rest.
	for i := range b.rows {
		switch r := &b.rows[i]; {
		case b.recorded[r.id()]:
			outcomes[r.delivery] = events.Recorded
		case outcomes[r.delivery] == events.Quarantined:
			outcomes[r.delivery] = events.Duplicate
		}
	}
}

// compact sorts rows by key and keeps the newest of each: a statement can't
// touch a row twice, and one order of keys is what keeps writers from waiting
// in a circle. merge is called with the newer and the older of two rows.
func compact[R any](rows []R, key func(*R) string, at func(*R) version, merge func(newer, older *R)) []R {
	slices.SortStableFunc(rows, func(x, y R) int {
		return cmp.Or(cmp.Compare(key(&x), key(&y)), at(&y).compare(at(&x)))
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
