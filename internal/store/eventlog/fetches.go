package eventlog

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// fetchable reports whether a row tells just the name of something that can
// be fetched. A deletion tells all there is; of what was backfilled the
// content came along.
func (r *row) fetchable() bool {
	if r.backfilled() || r.it.Verb == events.VerbDeleted || r.it.Space == "" || !r.it.NamesOnly() {
		return false
	}
	switch r.it.Kind {
	case events.KindMessage, events.KindMembership, events.KindReaction, events.KindSpace:
		return true
	}
	return false
}

func (b *batch) mayFetch() bool {
	for i := range b.rows {
		if b.rows[i].fetchable() {
			return true
		}
	}
	return false
}

// Priorities of jobs that fetch: greetings wait for memberships.
const (
	fetchFirst = 1
	fetchThen  = 2
)

// askForContent adds a job for each name that the batch recorded for the first
// time, to the transaction that did.
func (s *Log) askForContent(ctx context.Context, tx pgx.Tx, b *batch) error {
	var params []river.InsertManyParams
	for i := range b.rows {
		r := &b.rows[i]
		if !r.fetchable() || !b.recorded[r.id()] {
			continue
		}
		priority := fetchThen
		if r.it.Kind == events.KindMembership {
			priority = fetchFirst
		}
		params = append(params, river.InsertManyParams{
			Args: jobs.Fetch{
				Key: uuid.UUID(r.key).String(), Ordinal: r.it.Ordinal, EventTime: r.time,
				ItemKind: string(r.it.Kind), Resource: r.it.Resource, Space: r.it.Space, Event: r.ev.ID,
			},
			InsertOpts: &river.InsertOpts{Queue: jobs.QueueFetch, Priority: priority},
		})
	}
	if len(params) == 0 {
		return nil
	}
	if _, err := s.db.Jobs().InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("insert %d jobs that fetch: %w", len(params), err)
	}
	return nil
}
