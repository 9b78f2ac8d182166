package erasures

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

// eventsAtOnce and messagesAtOnce are how many are read in a step.
const (
	eventsAtOnce   = 1000
	messagesAtOnce = 100 // of the quarantine: one may have 10 MB
)

// recorded is a row of events with bytes.
type recorded struct {
	time                   time.Time
	key                    pgtype.UUID
	ordinal                int16
	codec                  int16
	id, typ, source, space string
	payload                []byte
}

// eraseEvents takes the person out of the bytes of some events, and out of the
// messages that were told by them.
func (e *erasure) eraseEvents(ctx context.Context, tx pgx.Tx) (next position, err error) {
	rows, _ := tx.Query(ctx, `
		SELECT e.event_time, e.event_key, e.ordinal, e.payload_codec, full_name(e.ce_id, p.space || '/spaceEvents'), t.ce_type, s.source,
			COALESCE(p.space, ''), e.payload
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		JOIN event_sources s ON s.id = e.source_id
		LEFT JOIN spaces p ON p.id = e.space_id
		WHERE e.event_time >= $1 AND (e.event_time, e.event_key, e.ordinal) > ($1, $2, $3) AND e.event_time <= $4 AND e.payload IS NOT NULL
		ORDER BY e.event_time, e.event_key, e.ordinal
		LIMIT $5`, e.position.time, e.position.key, e.position.number, e.asked, eventsAtOnce)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r recorded, err error) {
		return r, row.Scan(&r.time, &r.key, &r.ordinal, &r.codec, &r.id, &r.typ, &r.source, &r.space, &r.payload)
	})
	if err != nil {
		return next, err
	}
	q := &pgx.Batch{}
	var refs []proofs.Ref
	for i := range list {
		r := &list[i]
		data, err := e.payloads.Decode(r.payload, r.codec)
		if err != nil {
			return next, err
		}
		kept, changed := e.person.Erase(data)
		if !changed {
			continue
		}
		if slices.Contains(e.held, r.space) {
			e.counts[Kept]++
			continue
		}
		e.counts["events"]++
		refs = append(refs, proofs.Ref{Kind: proofs.Event, Time: r.time.UnixMicro(), Key: r.key.Bytes, Ordinal: r.ordinal})
		e.queueEvent(q, r, kept)
	}
	next = beginning("quarantine")
	if len(list) == eventsAtOnce {
		last := &list[len(list)-1]
		next = position{"events", pgtype.Timestamptz{Time: last.time, Valid: true}, last.key, int64(last.ordinal)}
	}
	if e.dry {
		return next, nil
	}
	if err := tx.SendBatch(ctx, q).Close(); err != nil {
		return next, err
	}
	return next, proofs.AddErased(ctx, tx, e.payloads, refs)
}

// queueEvent puts what is kept of an event in its place, and in that of what
// projections have of it.
func (e *erasure) queueEvent(q *pgx.Batch, r *recorded, kept []byte) {
	stored, codec := e.payloads.Encode(nil, kept)
	q.Queue(`
		UPDATE events
		SET payload = $4, payload_codec = $5
		WHERE event_time = $1 AND event_key = $2 AND ordinal = $3 AND payload = $6`, r.time, r.key, r.ordinal, stored, codec, r.payload).
		Exec(unlessChanged)
	ev, err := e.log.Decode(r.time, r.id, r.source, r.typ, r.space, stored, codec)
	if err != nil {
		return // then it was in no projection
	}
	for i := range ev.Items {
		it := &ev.Items[i]
		if it.Kind != events.KindMessage || it.Message == nil {
			continue
		}
		name := items.ShortName(it.Resource, it.Space+"/messages")
		text := pgtype.Text{String: it.Message.Text, Valid: !it.Message.Erased}
		// Rebuilding projections has them alone: then this waits, and comes after it.
		items.ShareProjections(q)
		q.Queue(`
			UPDATE stored_messages
			SET text = $4, attachments = CASE WHEN $4 IS NOT NULL THEN attachments END, mentions = CASE WHEN $4 IS NOT NULL THEN mentions END
			WHERE split_part(name, '.', 1) = split_part($2, '.', 1) AND space_id = (SELECT id FROM spaces WHERE space = $1) AND name = $2
				AND version_key = $3 AND deleted_at IS NULL AND text IS DISTINCT FROM $4`, it.Space, name, r.key, text).Exec(e.count("messages"))
		q.Queue(`
			DELETE FROM stored_revisions
			WHERE space_id = (SELECT id FROM spaces WHERE space = $1) AND name = $2 AND version_key = $3 AND $4::text IS NULL`,
			it.Space, name, r.key, text).Exec(e.count("versions of messages"))
		q.Queue(`
			UPDATE stored_revisions
			SET text = $4
			WHERE space_id = (SELECT id FROM spaces WHERE space = $1) AND name = $2 AND version_key = $3 AND $4::text IS NOT NULL`,
			it.Space, name, r.key, text)
	}
}

func (e *erasure) count(what string) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		e.counts[what] += int(tag.RowsAffected())
		return nil
	}
}

// eraseQuarantine takes the person out of some messages in quarantine.
func (e *erasure) eraseQuarantine(ctx context.Context, tx pgx.Tx) (next position, err error) {
	rows, _ := tx.Query(ctx, `
		SELECT quarantine_key, received_at, attributes::text, data
		FROM quarantine
		WHERE quarantine_key > $1 AND received_at <= $2
		ORDER BY quarantine_key
		LIMIT $3`, e.position.key, e.asked, messagesAtOnce)
	var key pgtype.UUID
	var at time.Time
	var attributes, data []byte
	q := &pgx.Batch{}
	var refs []proofs.Ref
	n := 0
	if _, err := pgx.ForEachRow(rows, []any{&key, &at, &attributes, &data}, func() error {
		n++
		kept, changed := e.person.Erase(data)
		of, also := e.person.Erase(attributes)
		if !changed && !also {
			return nil
		}
		if e.isHeld(attributes, data) {
			e.counts[Kept]++
			return nil
		}
		e.counts["messages in quarantine"]++
		refs = append(refs, proofs.Ref{Kind: proofs.Quarantined, Time: at.UnixMicro(), Key: key.Bytes})
		q.Queue(`
			UPDATE quarantine
			SET attributes = $2::text::json, data = $3
			WHERE quarantine_key = $1 AND data = $4`, key, string(of), kept, bytes.Clone(data)).Exec(unlessChanged)
		return nil
	}); err != nil {
		return next, err
	}
	next = beginning(e.tables[0].name)
	if n == messagesAtOnce {
		next = position{"quarantine", e.position.time, key, -1}
	}
	if e.dry {
		return next, nil
	}
	if err := tx.SendBatch(ctx, q).Close(); err != nil {
		return next, err
	}
	return next, proofs.AddErased(ctx, tx, e.payloads, refs)
}

// isHeld tells of a message in quarantine, of which nobody knows its space, whether
// it names one that is held.
func (e *erasure) isHeld(texts ...[]byte) bool {
	return slices.ContainsFunc(e.held, func(space string) bool {
		return slices.ContainsFunc(texts, func(text []byte) bool { return bytes.Contains(text, []byte(space)) })
	})
}
