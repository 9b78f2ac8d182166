package eventlog

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

// queueEvents writes the log. What comes back is new: a key that is there
// already is a redelivery and stays as it was.
func (b *batch) queueEvents(q *pgx.Batch, s *Log) {
	n := len(b.rows)
	if n == 0 {
		return
	}
	eventTimes, receivedAt, publishTimes := make([]time.Time, n), make([]time.Time, n), make([]pgtype.Timestamptz, n)
	keys, sources, types := make([]pgtype.UUID, n), make([]int32, n), make([]int32, n)
	spaces, actors := make([]int32, n), make([]int32, n)
	ordinals, codecs, backfilled := make([]int16, n), make([]int16, n), make([]bool, n)
	ids, resources, messageIDs := make([]string, n), make([]string, n), make([]string, n)
	payloads, leaves := make([][]byte, n), make([][]byte, n)

	arena := make([]byte, 0, 512*n) // most payloads are smaller: one allocation for all
	entries := proofs.NewEntries(n)
	for i := range b.rows {
		r := &b.rows[i]
		eventTimes[i], receivedAt[i], publishTimes[i] = r.Time, r.Delivery.ReceivedAt, store.OptionalTime(r.Delivery.PublishTime)
		keys[i] = r.Key.Pg()
		sources[i], types[i], spaces[i], actors[i] = r.SourceID, r.TypeID, r.SpaceID, r.ActorID
		ordinals[i], backfilled[i] = int16(r.Item.Ordinal), r.Backfilled()
		ids[i], resources[i] = items.ShortName(r.Event.ID, r.Item.Space+"/spaceEvents"), items.ShortName(r.Item.Resource, r.Item.Space)
		messageIDs[i] = store.Clean(r.Delivery.MessageID)
		if b.hasBytes(i) {
			start := len(arena)
			arena, codecs[i] = s.payloads.Encode(arena, r.Delivery.Data)
			payloads[i] = arena[start:len(arena):len(arena)]
		}
		leaves[i] = entries.Event(b.leafRow(i, ids[i], resources[i], messageIDs[i]))
	}
	// A set of the keys that are new: a join could be carried out row by row.
	q.Queue(`
		WITH given AS (
			SELECT *
			FROM unnest($1::timestamptz[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::integer[],
				$6::integer[], $7::integer[], $8::integer[], $9::smallint[], $10::smallint[], $11::boolean[],
				$12::text[], $13::text[], $14::text[], $15::bytea[], $16::bytea[])
				AS i (event_time, received_at, publish_time, event_key, source_id, space_id, actor_id, type_id,
				ordinal, payload_codec, backfilled, ce_id, resource, message_id, payload, leaf)
		), added AS (
			INSERT INTO events (event_time, received_at, publish_time, event_key, source_id, space_id, actor_id, type_id,
				ordinal, payload_codec, origin, ce_id, resource, message_id, payload)
			SELECT event_time, received_at, publish_time, event_key, source_id, NULLIF(space_id, 0), NULLIF(actor_id, 0), type_id,
				ordinal, payload_codec, CASE WHEN backfilled THEN 'b' ELSE 'l' END::"char",
				ce_id, resource, NULLIF(message_id, ''), payload
			FROM given
			ON CONFLICT DO NOTHING
			RETURNING event_key, ordinal
		), pending AS (
			INSERT INTO proof_pending (entries)
			SELECT string_agg(leaf, '')
			FROM given
			WHERE ((event_key, ordinal) IN (SELECT event_key, ordinal FROM added)) IS TRUE
			HAVING count(*) > 0
		)
		SELECT event_key, ordinal
		FROM added`,
		eventTimes, receivedAt, publishTimes, keys, sources, spaces, actors, types,
		ordinals, codecs, backfilled, ids, resources, messageIDs, payloads, leaves,
	).Query(func(rows pgx.Rows) error {
		var key pgtype.UUID
		var ordinal int16
		return store.Each(rows, []any{&key, &ordinal}, func() { b.recorded[items.ID{Key: key.Bytes, Ordinal: int(ordinal)}] = true })
	})
}

// leafRow is a row of events as the transparency log has it.
func (b *batch) leafRow(i int, id, resource, messageID string) *proofs.EventRow {
	r := &b.rows[i]
	row := &proofs.EventRow{
		Time: r.Time, ReceivedAt: store.Microseconds(r.Delivery.ReceivedAt), PublishTime: store.Microseconds(r.Delivery.PublishTime),
		Key: r.Key, Ordinal: int16(r.Item.Ordinal), Origin: "l", Type: r.Event.Type, Source: r.Event.Source, Space: r.Item.Space,
		Actor: r.Item.Actor, CeID: id, Resource: resource, MessageID: messageID,
	}
	if r.Backfilled() {
		row.Origin = "b"
	}
	if b.hasBytes(i) {
		row.Content = r.Delivery.Data
		if row.Content == nil {
			row.Content = []byte{}
		}
	}
	return row
}
