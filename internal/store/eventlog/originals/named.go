package originals

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// Named reads what the log holds of an event with one of its items, of which it
// has the name only.
func Named(ctx context.Context, db Querier, key items.Key, ordinal int, at time.Time, space string) (*events.Event, error) {
	rows, _ := db.Query(ctx, `
		SELECT full_name(e.ce_id, @space || '/spaceEvents'), s.source, t.ce_type, t.kind, t.verb, full_name(e.resource, @space)
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		JOIN event_sources s ON s.id = e.source_id
		WHERE e.event_key = @key AND e.ordinal = @ordinal AND e.event_time = @time`,
		pgx.NamedArgs{"key": key.Pg(), "ordinal": ordinal, "time": at, "space": space})
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (*events.Event, error) {
		it := events.Item{Ordinal: ordinal, Space: space}
		ev := &events.Event{Time: at}
		err := row.Scan(&ev.ID, &ev.Source, &ev.Type, &it.Kind, &it.Verb, &it.Resource)
		ev.Items = []events.Item{it}
		return ev, err
	})
}
