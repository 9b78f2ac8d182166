package proofs

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
)

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// readEvents reads the rows of the refs; what isn't there is not in the answer.
func readEvents(ctx context.Context, q querier, codec *payload.Codec, refs []Ref) (map[Ref]*EventRow, error) {
	found := make(map[Ref]*EventRow, len(refs))
	rows, _ := q.Query(ctx, `
		SELECT i.number, e.received_at, e.publish_time, e.origin::text, t.ce_type, s.source, p.space, u.user_name,
			e.ce_id, e.resource, e.message_id, e.payload, e.payload_codec
		FROM unnest($1::timestamptz[], $2::uuid[], $3::smallint[]) WITH ORDINALITY AS i (event_time, event_key, ordinal, number)
		JOIN events e ON e.event_time = i.event_time AND e.event_key = i.event_key AND e.ordinal = i.ordinal
		JOIN event_types t ON t.id = e.type_id
		JOIN event_sources s ON s.id = e.source_id
		LEFT JOIN spaces p ON p.id = e.space_id
		LEFT JOIN users u ON u.id = e.actor_id`,
		store.Column(refs, func(r *Ref) time.Time { return time.UnixMicro(r.Time) }),
		store.Column(refs, func(r *Ref) pgtype.UUID { return pgtype.UUID{Bytes: r.Key, Valid: true} }),
		store.Column(refs, func(r *Ref) int16 { return r.Ordinal }))
	var number int64
	var compression int16
	var space, actor, message pgtype.Text
	var one EventRow
	return found, store.Each(rows, []any{
		&number, &one.ReceivedAt, store.Nullable(&one.PublishTime), &one.Origin, &one.Type, &one.Source, &space, &actor,
		&one.CeID, &one.Resource, &message, &one.Content, &compression,
	}, func() {
		r := one
		ref := refs[number-1].row()
		r.Time, r.Key, r.Ordinal = time.UnixMicro(ref.Time), ref.Key, ref.Ordinal
		r.Space, r.Actor, r.MessageID = space.String, actor.String, message.String
		if r.Content != nil {
			// What can't be decompressed stays as it is: so it has another hash than what was recorded.
			if data, err := codec.Decode(r.Content, compression); err == nil {
				r.Content = data
			}
		}
		found[ref] = &r
	})
}

// readQuarantine reads the rows of the refs; what isn't there is not in the answer.
func readQuarantine(ctx context.Context, q querier, refs []Ref) (map[Ref]*QuarantineRow, error) {
	found := make(map[Ref]*QuarantineRow, len(refs))
	if len(refs) == 0 {
		return found, nil
	}
	rows, _ := q.Query(ctx, `
		SELECT quarantine_key, received_at, publish_time, message_id, ordering_key, reason, detail, attributes::text, data
		FROM quarantine
		WHERE quarantine_key = ANY ($1)`,
		store.Column(refs, func(r *Ref) pgtype.UUID { return pgtype.UUID{Bytes: r.Key, Valid: true} }))
	var one QuarantineRow
	var key pgtype.UUID
	return found, store.Each(rows, []any{
		&key, &one.ReceivedAt, store.Nullable(&one.PublishTime), &one.MessageID, &one.OrderingKey, &one.Reason, &one.Detail, &one.Attributes,
		&one.Data,
	}, func() {
		r := one
		r.Key = key.Bytes
		found[r.Ref(Quarantined)] = &r
	})
}

// readActions reads the rows of the refs; what isn't there is not in the answer.
func readActions(ctx context.Context, q querier, refs []Ref) (map[Ref]*ActionRow, error) {
	found := make(map[Ref]*ActionRow, len(refs))
	if len(refs) == 0 {
		return found, nil
	}
	rows, _ := q.Query(ctx, `
		SELECT t.action_key, t.at, t.action, t.role_name, COALESCE(t.operator, ''), COALESCE(t.target, ''), COALESCE(t.space, ''), t.details::text
		FROM unnest($1::timestamptz[], $2::uuid[]) AS i (at, action_key)
		JOIN trail t ON t.at = i.at AND t.action_key = i.action_key`,
		store.Column(refs, func(r *Ref) time.Time { return time.UnixMicro(r.Time) }),
		store.Column(refs, func(r *Ref) pgtype.UUID { return pgtype.UUID{Bytes: r.Key, Valid: true} }))
	var one ActionRow
	var key pgtype.UUID
	return found, store.Each(rows, []any{
		&key, &one.At, &one.Action, &one.Role, &one.Operator, &one.Target, &one.Space, &one.Details,
	}, func() {
		r := one
		r.Key = key.Bytes
		found[Ref{Kind: Action, Time: r.At.UnixMicro(), Key: r.Key}] = &r
	})
}
