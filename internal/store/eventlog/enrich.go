package eventlog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/projections"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/refusal"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
)

// ErrNoEvent says that the log doesn't hold the event any more.
var ErrNoEvent = errors.New("there is no such event")

// Named is one item of a recorded event that held names only.
type Named struct {
	Key      items.Key
	Ordinal  int
	Time     time.Time // of the event
	Kind     events.Kind
	Resource string // full name
	Space    string // "spaces/S"
}

// Enrich fills what was fetched into the projections, as if the event had
// held it, marked as of the time of fetching. What a newer event told stays,
// and the log is left as it is. Reactors are asked now, as they could not be
// before: a join is one once it is known to be. Doing it twice changes
// nothing. The error is [ErrNoEvent] if the event is gone, and permanent if
// the database refuses the content.
//
// content holds what the item is about; of a deleted message, its tombstone.
func (s *Log) Enrich(ctx context.Context, n Named, content events.Item, asOf time.Time) error {
	err := refusal.Again(s.db, func() error {
		err := s.enrich(ctx, n, content, asOf)
		s.erasures.failed(err)
		return err
	})
	if rejected, ok := refusal.Content(err); ok {
		return reactors.Permanent(fmt.Errorf("fill in %s: the database refuses the content: %s", n.Resource, refusal.Describe(rejected)))
	}
	if err != nil {
		return fmt.Errorf("fill in %s: %w", n.Resource, err)
	}
	return nil
}

func (s *Log) enrich(ctx context.Context, n Named, content events.Item, asOf time.Time) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	known, err := s.erasures.get(ctx, s.db)
	if err != nil {
		return err
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	ev, err := originals.Named(ctx, conn, n.Key, n.Ordinal, store.Microseconds(n.Time), n.Space)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoEvent
	}
	if err != nil {
		return err
	}
	b, deleted := enrichment(n, ev, content, store.Microseconds(asOf))
	known.item(b.rows[0].Item, n.Time)
	projections.AddMonths(b.months, b.rows)
	if err := s.Ensure(ctx, slices.Collect(maps.Keys(b.months))); err != nil {
		return err
	}
	if err := s.numbers.Fill(ctx, conn, b.rows); err != nil {
		return err
	}
	b.projected = projections.Of(b.rows)
	mayRun := !deleted && s.mayRun(b)
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		q := &pgx.Batch{} // in the one order of locks
		known.check(q)
		b.projected.Queue(q)
		b.projected.Memberships.QueueKnown(q)
		if mayRun {
			b.projected.Memberships.QueueNeighbours(q)
		}
		if err := tx.SendBatch(ctx, q).Close(); err != nil || !mayRun {
			return err
		}
		return s.claimRuns(ctx, tx, b)
	})
}

// enrichment is a batch of the one item. A message that was deleted since
// counts as what its deletion's event will tell.
func enrichment(n Named, ev *events.Event, content events.Item, asOf time.Time) (b *batch, deleted bool) {
	it := &ev.Items[0]
	it.Actor, it.Message, it.Membership = content.Actor, content.Message, content.Membership
	it.Reaction, it.SpaceData = content.Reaction, content.SpaceData
	r := items.Row{
		Key: n.Key, Time: ev.Time, Event: ev, Item: it, Fetched: asOf,
		Delivery: &events.Delivery{Origin: events.OriginLive, ReceivedAt: asOf},
	}
	if m := it.Message; m != nil && !m.DeleteTime.IsZero() {
		it.Verb, r.Time, deleted = events.VerbDeleted, store.Microseconds(m.DeleteTime), true
	}
	return &batch{rows: []items.Row{r}, months: map[partitions.Partition]bool{}, recorded: map[items.ID]bool{r.ID(): true}}, deleted
}

// GiveUp keeps that the content could not be had, and why.
func (s *Log) GiveUp(ctx context.Context, n Named, reason, detail string) error {
	if _, err := s.db.Exec(ctx, `
		INSERT INTO unfetched (event_time, event_key, ordinal, kind, resource, space, reason, detail)
		VALUES (@time, @key, @ordinal, @kind, @resource, @space, @reason, NULLIF(@detail, ''))
		ON CONFLICT DO NOTHING`,
		pgx.NamedArgs{
			"time": store.Microseconds(n.Time), "key": n.Key, "ordinal": n.Ordinal, "kind": string(n.Kind),
			"resource": n.Resource, "space": n.Space, "reason": reason, "detail": store.Clean(detail),
		}); err != nil {
		return fmt.Errorf("give up on %s: %w", n.Resource, err)
	}
	return nil
}
