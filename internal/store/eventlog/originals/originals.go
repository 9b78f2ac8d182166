// Package originals reads events as they were received.
//
// It promises the bytes that Pub/Sub or the Chat API delivered. An event is
// found by its key; those of a time come in its order, page by page, each
// within the time of a transaction, as they were or decoded anew.
package originals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
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
func (o *Originals) Payloads(ctx context.Context, key items.Key) ([][]byte, error) {
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
		ORDER BY origin DESC, ordinal`, key.Pg())
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
	Key        items.Key
	ID         string // ce-id; empty for interactions
	Type       string // ce-type
	Source     string // ce-source
	Space      string
	Live       bool
	Data       []byte

	ordinal int
}

// Each tells the events in the order of their times: one of which copies held
// different things as often as there are such copies.
func (o *Originals) Each(ctx context.Context, f Filter, tell func(Event) error) error {
	until := pgtype.Timestamptz{Time: f.Until, Valid: true}
	if f.Until.IsZero() {
		until = pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	}
	here := `@space = ''`
	if f.Space != "" {
		here = `e.space_id = (SELECT id FROM spaces WHERE space = @space)`
	}
	return o.pages(ctx, o.db.Pool(), items.Version{Time: f.Since, Ordinal: -1}, false, `e.payload IS NOT NULL AND e.event_time <= @until
			AND (cardinality(@types::text[]) = 0 OR t.ce_type = ANY (@types) OR t.kind = ANY (@types) OR t.kind || '.' || t.verb = ANY (@types))
			AND `+here,
		pgx.NamedArgs{"until": until, "types": append([]string{}, f.Types...), "space": f.Space},
		func(list []recorded) error {
			for _, r := range list {
				var err error
				if r.Data, err = o.payloads.Decode(r.Data, r.codec); err != nil {
					return err
				}
				if err := tell(r.Event); err != nil {
					return err
				}
			}
			return nil
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
// between its parts; what isn't JSON, or isn't UTF-8, is in Bytes.
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
			EventTime: e.Time, ReceivedAt: e.ReceivedAt, EventKey: uuid.UUID(e.Key), ID: e.ID, Type: e.Type, Source: e.Source, Space: e.Space,
			Origin: "backfill",
		}
		if e.Live {
			l.Origin = "live"
		}
		if json.Valid(e.Data) && utf8.Valid(e.Data) {
			l.Data = e.Data
		} else {
			l.Bytes = e.Data
		}
		return lines.Encode(l)
	})
}
