package eventlog

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/projections"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/quarantine"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

// A new event may be this old or this far ahead, whether live or fetched
// later: Pub/Sub keeps messages 31 days, backfill reaches back 28. Anything
// else is a broken clock or an attack on the partitions.
const (
	oldestEvent = 40 * 24 * time.Hour
	newestEvent = 24 * time.Hour
)

// batch is what one transaction writes. It is built anew for every try.
type batch struct {
	deliveries []events.Delivery
	rows       []items.Row // sorted by time, key and ordinal
	copies     []items.Row // fetched copies of some of the rows, with other content
	quarantine []quarantine.Message
	fate       fate
	erased     *erased // known when it was built

	months map[partitions.Partition]bool

	projected *projections.Set
	planned   map[int]reactors.Plan // by index in rows: what rules want if the row is new

	// Filled while the results are read.
	recorded   map[items.ID]bool
	markedLive map[items.ID]bool // a backfill had recorded them before
	updated    []proofs.Ref      // rows of the log that hold something else now

	claimed bool // the runs that rules want were
	wakes   []reactors.Wake

	// What led to no run, to be counted once it is committed.
	ended   []reactors.Intent
	refused []reactors.Refusal
}

// newBatch sorts out what is to be written.
func newBatch(deliveries []events.Delivery, f fate, clocks []time.Time) *batch {
	b := &batch{
		fate:       f,
		deliveries: deliveries,
		rows:       make([]items.Row, 0, len(deliveries)),
		months:     map[partitions.Partition]bool{},
		recorded:   make(map[items.ID]bool, len(deliveries)),
	}
	// Live ones first: of two copies in one batch, the backfilled is the duplicate.
	seen := make(map[items.Key]*events.Delivery, len(deliveries))
	for _, late := range []bool{false, true} {
		for i := range deliveries {
			if d := &deliveries[i]; late == (d.Origin == events.OriginBackfill) {
				b.add(i, d, seen, clocks)
			}
		}
	}
	projections.AddMonths(b.months, b.rows)
	// By time first: then the indexes of time grow at their ends, and less of
	// their pages stays empty.
	slices.SortFunc(b.rows, func(x, y items.Row) int {
		return cmp.Or(x.Time.Compare(y.Time), bytes.Compare(x.Key[:], y.Key[:]), cmp.Compare(x.Item.Ordinal, y.Item.Ordinal))
	})
	return b
}

func (b *batch) add(i int, d *events.Delivery, seen map[items.Key]*events.Delivery, clocks []time.Time) {
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
	key := items.KeyOf(d.Event, d.MessageID)
	first := seen[key]
	switch {
	case first == nil:
		seen[key] = d
	case bytes.Equal(first.Data, d.Data):
		return // delivered twice within the batch: a duplicate
	}
	if d.Event.Refused != nil {
		b.setAside(i, d.Event.Refused) // for the elements that are no items
	}
	b.months[partitions.Of(partitions.Events, at)] = true
	for j := range d.Event.Items {
		r := items.Row{Index: i, Key: key, Time: at, Delivery: d, Event: d.Event, Item: &d.Event.Items[j]}
		if first == nil {
			b.rows = append(b.rows, r)
		} else {
			b.addCopy(r)
		}
	}
}

// addCopy adds what another copy tells of an event that the batch holds: an item
// that the first has no name of, or has but the name of; or, fetched at another
// time, a version of that time.
func (b *batch) addCopy(r items.Row) {
	i := slices.IndexFunc(b.rows, func(x items.Row) bool { return x.ID() == r.ID() })
	if i < 0 {
		b.rows = append(b.rows, r)
		return
	}
	switch x := &b.rows[i]; {
	case r.Item.NamesOnly():
	case x.Item.NamesOnly() && r.Backfilled() == x.Backfilled():
		*x = r
	case x.Item.NamesOnly(): // as if it had been fetched for the live one
		x.Item, x.Fetched = r.Item, r.Delivery.ReceivedAt
	case r.Backfilled():
		b.copies = append(b.copies, r)
	}
}

func (b *batch) setAside(i int, why *events.Malformed) {
	b.quarantine = append(b.quarantine, quarantine.NewMessage(i, &b.deliveries[i], why))
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
		case b.recorded[r.ID()]:
			outcomes[r.Index] = events.Recorded
		case outcomes[r.Index] == events.Quarantined:
			outcomes[r.Index] = events.Duplicate
		}
	}
}
