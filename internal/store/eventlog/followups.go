package eventlog

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// Interactions that tell where the Chat app is (fact sheet §7).
const (
	addedToSpace     = "ADDED_TO_SPACE"
	removedFromSpace = "REMOVED_FROM_SPACE"
)

// isReconcileRequest reports whether an item is a reason to look at the subscriptions:
// one of their lifecycle events, or the Chat app's coming to a space or
// leaving it.
func isReconcileRequest(it *events.Item) bool {
	switch it.Kind {
	case events.KindSubscription:
		return true
	case events.KindInteraction:
		return followed(it)
	}
	return false
}

// followed reports whether an item tells where the app is.
func followed(it *events.Item) bool {
	in := it.Interaction
	return in != nil && it.Space != "" && (in.Type == addedToSpace || in.Type == removedFromSpace)
}

func (b *batch) mayRequestReconcile() bool {
	return slices.ContainsFunc(b.rows, func(r items.Row) bool { return isReconcileRequest(r.Item) })
}

// requestReconcile asks for a pass of the keeper if the batch recorded a reason for
// one. Requests of the same few seconds share a pass.
func (s *Log) requestReconcile(ctx context.Context, tx pgx.Tx, b *batch) error {
	requested := false
	var moves []coverage.Move
	for i := range b.rows {
		r := &b.rows[i]
		if !b.recorded[r.ID()] || !isReconcileRequest(r.Item) {
			continue
		}
		requested = true
		if followed(r.Item) {
			moves = append(moves, coverage.Move{Space: r.Item.Space, Present: r.Item.Interaction.Type == addedToSpace, At: r.Time})
		}
	}
	if !requested {
		return nil
	}
	if err := coverage.Follow(ctx, tx, moves); err != nil {
		return err
	}
	return jobs.InsertKeep(ctx, s.db.Jobs(), tx, s.db.Now())
}

// fetchable reports whether a row tells just the name of something that can
// be fetched. A deletion tells all there is; of what was backfilled the
// content came along.
func fetchable(r *items.Row) bool {
	if r.Backfilled() || r.Item.Verb == events.VerbDeleted || r.Item.Space == "" || !r.Item.NamesOnly() {
		return false
	}
	switch r.Item.Kind {
	case events.KindMessage, events.KindMembership, events.KindReaction, events.KindSpace:
		return true
	}
	return false
}

func (b *batch) mayFetch() bool {
	return slices.ContainsFunc(b.rows, func(r items.Row) bool { return fetchable(&r) })
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
		if !fetchable(r) || !b.recorded[r.ID()] {
			continue
		}
		priority := fetchThen
		if r.Item.Kind == events.KindMembership {
			priority = fetchFirst
		}
		params = append(params, river.InsertManyParams{
			Args: jobs.Fetch{
				Key: uuid.UUID(r.Key).String(), Ordinal: r.Item.Ordinal, EventTime: r.Time,
				ItemKind: string(r.Item.Kind), Resource: r.Item.Resource, Space: r.Item.Space, Event: r.Event.ID,
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
