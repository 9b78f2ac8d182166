package mend

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/projections"
)

// partSize is how many events are replayed in one transaction, during which
// nobody else writes projections: a second or two.
const partSize = 5_000

// Spaces lists every space that the log names, in order, from after on.
func (m *Mender) Spaces(ctx context.Context, after string) ([]string, error) {
	list, err := store.List(ctx, m.db, pgx.RowTo[string], `
		SELECT space
		FROM spaces
		WHERE space > $1
		ORDER BY space`, after)
	if err != nil {
		return nil, fmt.Errorf("list the spaces: %w", err)
	}
	return list, nil
}

// Rebuild builds the projections of a space anew from the log; "" stands for
// what happened in no space.
func (m *Mender) Rebuild(ctx context.Context, space string) (projections.Rebuilt, error) {
	var total projections.Rebuilt
	n, err := m.count(ctx, space)
	if err != nil {
		return total, fmt.Errorf("count the events of %s: %w", space, err)
	}
	parts := n/partSize + 1
	for part := range parts {
		r, err := projections.Rebuild(ctx, m.db, m.log.Originals, m.log.Partitions, projections.Part{Space: space, Number: part, Of: parts})
		if err != nil {
			return total, fmt.Errorf("rebuild the projections of %s, part %d of %d: %w", space, part+1, parts, err)
		}
		total.Items += r.Items
		total.Refused += r.Refused
		if m.Told != nil {
			m.Told(part+1, parts)
		}
	}
	return total, nil
}

func (m *Mender) count(ctx context.Context, space string) (n int, err error) {
	ctx, cancel := m.db.WithTimeout(ctx)
	defer cancel()
	here := `space_id = (SELECT id FROM spaces WHERE space = $1)`
	if space == "" {
		here = `space_id IS NULL AND $1 = ''`
	}
	err = m.db.Pool().QueryRow(ctx, `
		SELECT count(*)
		FROM events
		WHERE `+here, space).Scan(&n)
	return n, err
}
