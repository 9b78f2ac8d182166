package eventlog_test

import (
	"context"
	"hash/crc32"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

const benchBatch = 1000

// BenchmarkRecord records batches of 1000 with a reactor that welcomes every
// join, and reports bytes on disk per event over all tables and indexes.
func BenchmarkRecord(b *testing.B) {
	env := storetest.New(b, storetest.Options{Now: clock, Planner: storetest.Greeter{}})
	before := storetest.Value[int64](b, env, `SELECT pg_database_size(current_database())`)
	batches := benchBatches(b.N)
	b.ResetTimer()
	for _, batch := range batches {
		record(b, env, batch...)
	}
	b.StopTimer()
	n := float64(b.N * benchBatch)
	b.ReportMetric(n/b.Elapsed().Seconds(), "events/s")
	after := storetest.Value[int64](b, env, `SELECT pg_database_size(current_database())`)
	b.ReportMetric(float64(after-before)/n, "B/event")
	if b.N > 20 {
		for _, line := range column(b, env, `
			SELECT format('%s %s %s', relname, relkind, pg_relation_size(oid) / $1::bigint)
			FROM pg_class
			WHERE relnamespace = 'public'::regnamespace AND pg_relation_size(oid) / $1::bigint > 1
			ORDER BY pg_relation_size(oid) DESC`, int64(n)) {
			b.Log(line)
		}
	}
}

// BenchmarkBulk inserts the same events into the log table alone, payloads as
// received: what the database can do at best.
func BenchmarkBulk(b *testing.B) {
	env := storetest.New(b, storetest.Options{Now: clock})
	record(b, env, storetest.NewMix(9).Next()) // makes the partitions
	batches := benchBatches(b.N)
	b.ResetTimer()
	for _, batch := range batches {
		bulk(b, env, batch)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "events/s")
}

func benchBatches(n int) [][]events.Delivery {
	m := storetest.NewMix(7)
	batches := make([][]events.Delivery, n)
	for i := range batches {
		batches[i] = m.Batch(benchBatch)
	}
	return batches
}

func bulk(b *testing.B, s *storetest.Env, batch []events.Delivery) {
	b.Helper()
	n := len(batch)
	times, keys := make([]time.Time, n), make([]pgtype.UUID, n)
	spaces, actors := make([]int32, n), make([]int32, n)
	ids, resources := make([]string, n), make([]string, n)
	messageIDs, payloads := make([]string, n), make([][]byte, n)
	for i := range batch {
		d := &batch[i]
		it := &d.Event.Items[0]
		times[i], keys[i] = d.Event.Time, pgtype.UUID{Bytes: items.KeyOf(d.Event, d.MessageID), Valid: true}
		spaces[i], actors[i] = numberOf(it.Space), numberOf(it.Actor)
		ids[i], resources[i] = d.Event.ID, it.Resource
		messageIDs[i], payloads[i] = d.MessageID, d.Data
	}
	_, err := s.Pool().Exec(context.Background(), `
		INSERT INTO events (event_time, received_at, publish_time, event_key, source_id, type_id, ordinal,
			payload_codec, origin, ce_id, space_id, actor_id, resource, message_id, payload)
		SELECT t, t, t, k, 1, 1, 0, 0, 'l', i, s, a, r, m, p
		FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::bytea[])
			AS u (t, k, i, s, a, r, m, p)
		ON CONFLICT DO NOTHING`, times, keys, ids, spaces, actors, resources, messageIDs, payloads)
	if err != nil {
		b.Fatal(err)
	}
}

// numberOf makes up a number for a name: nobody reads these events.
func numberOf(name string) int32 {
	return int32(crc32.ChecksumIEEE([]byte(name)) >> 1)
}
