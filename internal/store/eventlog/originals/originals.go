// Package originals reads events as they were received.
//
// It promises the bytes that Pub/Sub or the Chat API delivered. An event is
// found by its key; those of a time come in its order, page by page, each
// within the time of a transaction.
package originals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
)

// Originals reads them from a database.
type Originals struct {
	db       *store.Store
	payloads *payload.Codec
}

// New returns Originals that decompress with the codec.
func New(db *store.Store, payloads *payload.Codec) *Originals { return &Originals{db, payloads} }

// ErrNoPayload is the answer of [Originals.Payloads] for an unknown key.
var ErrNoPayload = errors.New("no event with this key")

// Payloads returns the data of an event exactly as received: of each copy that
// told something of its own, live ones first; mostly there is one.
func (o *Originals) Payloads(ctx context.Context, key [16]byte) ([][]byte, error) {
	list, err := store.List(ctx, o.db, func(row pgx.CollectableRow) (payload []byte, err error) {
		var codec int16
		if err = row.Scan(&payload, &codec); err == nil {
			payload, err = o.payloads.Decode(payload, codec)
		}
		return payload, err
	}, `
		SELECT payload, payload_codec
		FROM events
		WHERE event_key = $1 AND payload IS NOT NULL
		ORDER BY origin DESC, ordinal`, pgtype.UUID{Bytes: key, Valid: true})
	if err == nil && len(list) == 0 {
		err = ErrNoPayload
	}
	if err != nil {
		return nil, fmt.Errorf("read payloads of event %x: %w", key[:], err)
	}
	return list, nil
}

// Filter says which events; the zero values leave nothing out.
type Filter struct {
	Since, Until time.Time
	Types        []string // Google's full names, or parts of them: "message.created", "message"
	Space        string
}

// Event is an event as it was received.
type Event struct {
	Time       time.Time
	ReceivedAt time.Time
	Key        [16]byte
	ID         string // ce-id; empty for interactions
	Type       string // ce-type
	Source     string // ce-source
	Space      string
	Live       bool
	Data       []byte

	ordinal int
}

// page is how many events are read at once.
const page = 500

// Each tells the events in the order of their times: one of which copies held
// different things as often as there are such copies.
func (o *Originals) Each(ctx context.Context, f Filter, tell func(Event) error) error {
	after, last := pgtype.Timestamptz{Time: f.Since, Valid: true}, Event{}
	if f.Since.IsZero() {
		after = pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	}
	until := pgtype.Timestamptz{Time: f.Until, Valid: true}
	if f.Until.IsZero() {
		until = pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	}
	for {
		list, err := o.page(ctx, f, after, last, until)
		if err != nil {
			return fmt.Errorf("read events as they were received: %w", err)
		}
		for _, e := range list {
			if err := tell(e); err != nil {
				return err
			}
		}
		if len(list) < page {
			return nil
		}
		last = list[len(list)-1]
		after = pgtype.Timestamptz{Time: last.Time, Valid: true}
	}
}

func (o *Originals) page(
	ctx context.Context, f Filter, after pgtype.Timestamptz, last Event, until pgtype.Timestamptz,
) ([]Event, error) {
	return store.List(ctx, o.db, func(row pgx.CollectableRow) (e Event, err error) {
		var codec int16
		var k pgtype.UUID
		err = row.Scan(&e.Time, &e.ReceivedAt, &k, &e.ID, &e.Type, &e.Source, &e.Space, &e.Live, &e.Data, &codec, &e.ordinal)
		if err == nil {
			e.Key = k.Bytes
			e.Data, err = o.payloads.Decode(e.Data, codec)
		}
		return e, err
	}, `
		SELECT e.event_time, e.received_at, e.event_key, full_name(e.ce_id, p.space || '/spaceEvents'), t.ce_type, s.source,
			COALESCE(p.space, ''), e.origin = 'l', e.payload, e.payload_codec, e.ordinal
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		JOIN event_sources s ON s.id = e.source_id
		LEFT JOIN spaces p ON p.id = e.space_id
		WHERE e.payload IS NOT NULL
			AND e.event_time >= @after AND e.event_time <= @until AND (e.event_time, e.event_key, e.ordinal) > (@after, @key, @ordinal)
			AND (cardinality(@types::text[]) = 0 OR t.ce_type = ANY (@types) OR t.kind = ANY (@types) OR t.kind || '.' || t.verb = ANY (@types))
			AND (@space = '' OR e.space_id = (SELECT id FROM spaces WHERE space = @space))
		ORDER BY e.event_time, e.event_key, e.ordinal
		LIMIT @page`,
		pgx.NamedArgs{
			"after": after, "key": pgtype.UUID{Bytes: last.Key, Valid: true}, "ordinal": last.ordinal,
			"until": until, "types": append([]string{}, f.Types...), "space": f.Space, "page": page,
		})
}

// Decode decodes an event anew from what the log holds of it.
func (o *Originals) Decode(at time.Time, id, source, typ, space string, payload []byte, codec int16) (*events.Event, error) {
	data, err := o.payloads.Decode(payload, codec)
	if err != nil {
		return nil, err
	}
	var attributes map[string]string
	if !strings.HasPrefix(typ, "interaction.") {
		attributes = map[string]string{
			"ce-id": id, "ce-source": source, "ce-type": typ, "ce-specversion": "1.0", "ce-datacontenttype": "application/json",
			"ce-subject": "//chat.googleapis.com/" + space, "ce-time": at.UTC().Format(time.RFC3339Nano),
		}
	}
	ev, malformed := events.Decode(attributes, data)
	if malformed != nil {
		return nil, malformed
	}
	return ev, nil
}

// line is an event in an export. Data is as it was received, but for spaces
// between its parts; what isn't JSON is in Bytes.
type line struct {
	EventTime  time.Time       `json:"event_time"`
	ReceivedAt time.Time       `json:"received_at"`
	EventKey   uuid.UUID       `json:"event_key"`
	ID         string          `json:"id,omitempty"`
	Type       string          `json:"type"`
	Source     string          `json:"source,omitempty"`
	Space      string          `json:"space,omitempty"`
	Origin     string          `json:"origin"`
	Data       json.RawMessage `json:"data,omitempty"`
	Bytes      []byte          `json:"bytes,omitempty"`
}

// Export writes the events as lines of JSON.
func (o *Originals) Export(ctx context.Context, f Filter, w io.Writer) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return o.Each(ctx, f, func(e Event) error {
		l := line{
			EventTime: e.Time, ReceivedAt: e.ReceivedAt, EventKey: e.Key, ID: e.ID, Type: e.Type, Source: e.Source, Space: e.Space,
			Origin: "backfill",
		}
		if e.Live {
			l.Origin = "live"
		}
		if json.Valid(e.Data) {
			l.Data = e.Data
		} else {
			l.Bytes = e.Data
		}
		return lines.Encode(l)
	})
}
