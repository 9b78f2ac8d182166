package originals

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Querier is a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Named reads what the log holds of an event with one of its items, of which it
// has the name only.
func Named(ctx context.Context, db Querier, key [16]byte, ordinal int, at time.Time, space string) (*events.Event, error) {
	ev := &events.Event{Time: at}
	it := events.Item{Ordinal: ordinal, Space: space}
	err := db.QueryRow(ctx, `
		SELECT full_name(e.ce_id, @space || '/spaceEvents'), s.source, t.ce_type, t.kind, t.verb, full_name(e.resource, @space)
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		JOIN event_sources s ON s.id = e.source_id
		WHERE e.event_key = @key AND e.ordinal = @ordinal AND e.event_time = @time`,
		pgx.NamedArgs{"key": pgtype.UUID{Bytes: key, Valid: true}, "ordinal": ordinal, "time": at, "space": space}).
		Scan(&ev.ID, &ev.Source, &ev.Type, &it.Kind, &it.Verb, &it.Resource)
	ev.Items = []events.Item{it}
	return ev, err
}
