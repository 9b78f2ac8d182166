package eventlog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

// hasBytes reports whether the row comes with the bytes of its delivery: the
// first of an event does, of each delivery that tells of it.
func (b *batch) hasBytes(i int) bool {
	for j := i - 1; j >= 0 && b.rows[j].Key == b.rows[i].Key; j-- {
		if b.rows[j].Delivery == b.rows[i].Delivery {
			return false
		}
	}
	return true
}

// mayNeedBytes reports whether rows may be recorded without their bytes, as the
// row that comes with them is there already. Then settle has to be a part of the
// same transaction.
func (b *batch) mayNeedBytes() bool {
	return slices.ContainsFunc(b.rows, func(r items.Row) bool { return r.Item.Ordinal > 0 })
}

// share is what one delivery tells of an event, in the order of ordinals.
type share struct {
	rows  []*items.Row
	bytes bool // the row with its bytes is new
}

// unsettled are the deliveries of which the log held something before.
func (b *batch) unsettled() (list []share) {
	places := map[items.Key][]int{} // of list, by event
	for i := range b.rows {
		r := &b.rows[i]
		at := slices.IndexFunc(places[r.Key], func(p int) bool { return list[p].rows[0].Delivery == r.Delivery })
		if at < 0 {
			places[r.Key] = append(places[r.Key], len(list))
			list = append(list, share{bytes: b.recorded[r.ID()]})
			at = len(places[r.Key]) - 1
		}
		s := &list[places[r.Key][at]]
		s.rows = append(s.rows, r)
	}
	return slices.DeleteFunc(list, func(s share) bool {
		return !slices.ContainsFunc(s.rows, func(r *items.Row) bool { return b.recorded[r.ID()] != s.bytes || !s.bytes && !r.Backfilled() })
	})
}

// settle makes of the log's rows that were there before what the batch knows
// better: those that a backfill had recorded become live ones, with the bytes as
// delivered; those of which only the name was known get the bytes with their
// content. What is new gets its bytes if the row that came with them was there.
// It runs after the projections, so that all transactions lock in one order; in a
// transaction of its own it queues what comes before again: a rebuild in between
// has found the bytes of before.
func (s *Log) settle(ctx context.Context, tx pgx.Tx, b *batch, before func(*pgx.Batch)) error {
	if len(b.recorded) == len(b.rows) {
		return nil
	}
	shares := b.unsettled()
	if len(shares) == 0 {
		return nil
	}
	// Most redeliveries change nothing: they lock nothing either.
	for _, lock := range []string{"", "FOR UPDATE OF e"} {
		if lock != "" {
			q := &pgx.Batch{}
			b.erased.check(q)
			before(q)
			if err := tx.SendBatch(ctx, q).Close(); err != nil {
				return err
			}
		}
		kept, err := s.kept(ctx, tx, shares, lock)
		if err != nil {
			return fmt.Errorf("read what the log holds of redelivered events: %w", err)
		}
		q := &pgx.Batch{}
		b.markedLive, b.updated = map[items.ID]bool{}, nil
		for _, x := range shares {
			s.queueShare(q, b, x, kept[x.rows[0].Key])
		}
		switch {
		case q.Len() == 0:
			return nil
		case lock != "":
			if err := tx.SendBatch(ctx, q).Close(); err != nil {
				return fmt.Errorf("complete what the log holds of redelivered events: %w", err)
			}
			return proofs.AddUpdated(ctx, tx, s.payloads, b.updated)
		}
	}
	return nil
}

// kept reads the rows that the log holds of the events.
func (s *Log) kept(ctx context.Context, tx pgx.Tx, shares []share, lock string) (map[items.Key][]originals.Copy, error) {
	var times []time.Time
	var keys []pgtype.UUID
	first := map[items.Key]*items.Row{}
	for _, x := range shares {
		if r := x.rows[0]; first[r.Key] == nil {
			first[r.Key] = r
			times, keys = append(times, r.Time), append(keys, r.Key.Pg())
		}
	}
	rows, _ := tx.Query(ctx, `
		SELECT e.event_key, e.ordinal, e.origin = 'l', e.payload, e.payload_codec
		FROM unnest($1::timestamptz[], $2::uuid[]) AS i (event_time, event_key)
		JOIN events e ON e.event_time = i.event_time AND e.event_key = i.event_key
		ORDER BY e.event_time, e.event_key, e.ordinal
		`+lock, times, keys)
	found, unreadable := map[items.Key][]originals.Copy{}, map[items.Key]bool{}
	var key pgtype.UUID
	var c originals.Copy
	err := store.Each(rows, []any{&key, &c.Ordinal, &c.Live, &c.Payload, &c.Codec}, func() {
		row := c
		if r := first[key.Bytes]; c.Payload != nil {
			var err error
			if row.Event, err = s.Decode(r.Time, r.Event.ID, r.Event.Source, r.Event.Type, r.Item.Space, c.Payload, c.Codec); err != nil {
				unreadable[key.Bytes] = true
			}
		}
		found[key.Bytes] = append(found[key.Bytes], row)
	})
	for key := range unreadable {
		delete(found, key) // a newer version wrote it, and knows better
	}
	return found, err
}

// queueShare queues what a delivery changes in the rows that are kept of its
// event, and changes kept likewise. The first of the rows that it takes has its
// bytes, if no new row has them.
func (s *Log) queueShare(q *pgx.Batch, b *batch, x share, kept []originals.Copy) {
	row := func(ordinal int) *originals.Copy {
		i := slices.IndexFunc(kept, func(c originals.Copy) bool { return c.Ordinal == ordinal })
		if i < 0 {
			return nil // a projection refused its event, which has another time
		}
		return &kept[i]
	}
	taken := map[int]*items.Row{}
	for _, r := range x.rows {
		c := row(r.Item.Ordinal)
		if c == nil {
			continue
		}
		_, it := originals.Find(kept, c.Ordinal, c.Live)
		switch {
		case b.recorded[r.ID()]:
			if !x.bytes {
				taken[c.Ordinal] = r
			}
		case r.Backfilled():
		case !c.Live, it == nil, it.NamesOnly() && !r.Item.NamesOnly() && r.Fetched.IsZero():
			taken[c.Ordinal] = r
		}
	}
	// Bytes that others need move to one of them.
	moved := map[int]originals.Copy{}
	for i := range kept {
		c := &kept[i]
		if c.Payload != nil || taken[c.Ordinal] != nil {
			continue
		}
		if of, _ := originals.Find(kept, c.Ordinal, c.Live); of != nil && taken[of.Ordinal] != nil {
			moved[c.Ordinal] = *of
		}
	}
	for ordinal, of := range moved {
		c := row(ordinal)
		c.Payload, c.Codec, c.Event = of.Payload, of.Codec, of.Event
		b.queueBytes(q, x.rows[0], c, 0)
	}
	first := !x.bytes
	for _, r := range x.rows {
		if taken[r.Item.Ordinal] == nil {
			continue
		}
		c := row(r.Item.Ordinal)
		if c.Payload, c.Codec, c.Event = nil, 0, nil; first {
			c.Payload, c.Codec = s.payloads.Encode(nil, r.Delivery.Data)
			c.Event = r.Event
		}
		first = false
		if c.Live || r.Backfilled() {
			b.queueBytes(q, r, c, r.ActorID)
			continue
		}
		c.Live, b.markedLive[r.ID()] = true, true
		b.queueLive(q, r, c)
	}
}

// updates keeps that a row of r's event gets another leaf.
func (b *batch) updates(r *items.Row, ordinal int) {
	b.updated = append(b.updated, proofs.Ref{Kind: proofs.Updated, Time: r.Time.UnixMicro(), Key: r.Key, Ordinal: int16(ordinal)})
}

// queueBytes gives a row of r's event its bytes.
func (b *batch) queueBytes(q *pgx.Batch, r *items.Row, c *originals.Copy, actor int32) {
	b.updates(r, c.Ordinal)
	q.Queue(`
		UPDATE events
		SET payload = @payload, payload_codec = @codec, actor_id = COALESCE(NULLIF(@actor, 0), actor_id)
		WHERE event_key = @key AND ordinal = @ordinal AND event_time = @time`,
		pgx.NamedArgs{
			"payload": c.Payload, "codec": c.Codec, "actor": actor, "key": r.Key.Pg(), "ordinal": c.Ordinal, "time": r.Time,
		})
}

// queueLive makes a backfilled row a live one.
func (b *batch) queueLive(q *pgx.Batch, r *items.Row, c *originals.Copy) {
	b.updates(r, r.Item.Ordinal)
	q.Queue(`
		UPDATE events
		SET received_at = @received, publish_time = @published, source_id = @source, actor_id = COALESCE(NULLIF(@actor, 0), actor_id),
			payload_codec = @codec, origin = 'l', message_id = NULLIF(@message, ''), payload = @payload
		WHERE event_key = @key AND ordinal = @ordinal AND event_time = @time`,
		pgx.NamedArgs{
			"received": r.Delivery.ReceivedAt, "published": store.OptionalTime(r.Delivery.PublishTime), "source": r.SourceID, "actor": r.ActorID,
			"codec": c.Codec, "message": store.Clean(r.Delivery.MessageID), "payload": c.Payload,
			"key": r.Key.Pg(), "ordinal": r.Item.Ordinal, "time": r.Time,
		})
}
