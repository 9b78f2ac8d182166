package eventlog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/events/redaction"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/projections"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/quarantine"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/refusal"
)

// The store's own reasons for quarantine.
const (
	ReasonAbsurdTime events.Reason = "absurd_time"          // no partition can hold it
	ReasonRejected   events.Reason = "rejected_by_database" // Postgres refused the content
)

// Record commits the deliveries; outcomes[i] tells what became of
// deliveries[i]. Those that are events.Unsettled must be tried again; there
// are some if and only if the error is not nil.
//
// The whole batch is one transaction, unless the database refuses content of
// it: then each half is, and so on down to the deliveries to blame. Those are
// kept in the log alone if the log takes them, else in the quarantine.
func (s *Log) Record(ctx context.Context, deliveries []events.Delivery) ([]events.Outcome, error) {
	outcomes := make([]events.Outcome, len(deliveries))
	if len(deliveries) == 0 {
		return outcomes, nil
	}
	deliveries = withoutLinks(deliveries)
	found := &refusals{maxRefused: s.patience.Left()}
	err := s.record(ctx, deliveries, outcomes, found)
	if err == nil {
		err = s.setAside(ctx, found)
	}
	tooMany := errors.Is(err, errTooMany)
	if tooMany {
		s.patience.SpendAll()
	}
	s.patience.Grow(outcomes)
	switch err = refusal.Without(err); {
	case tooMany:
		err = fmt.Errorf("%w: %w", errTooMany, err)
		fallthrough
	case err != nil:
		return outcomes, fmt.Errorf("record %d deliveries: %w", len(deliveries), err)
	}
	return outcomes, nil
}

// withoutLinks returns the deliveries as they may be kept.
func withoutLinks(deliveries []events.Delivery) []events.Delivery {
	var kept []events.Delivery
	for i := range deliveries {
		data := redaction.Links(deliveries[i].Data)
		if len(data) == 0 || &data[0] == &deliveries[i].Data[0] {
			continue
		}
		if kept == nil {
			kept = slices.Clone(deliveries)
		}
		kept[i].Data = data
	}
	if kept == nil {
		return deliveries
	}
	return kept
}

func (s *Log) record(ctx context.Context, deliveries []events.Delivery, outcomes []events.Outcome, found *refusals) error {
	err := s.try(ctx, deliveries, outcomes, fate{})
	rejected, ok := refusal.Content(err)
	if !ok {
		return err
	}
	if len(deliveries) == 1 {
		return found.add(refused{deliveries, outcomes, rejected})
	}
	half := len(deliveries) / 2
	err = s.record(ctx, deliveries[:half], outcomes[:half], found)
	if errors.Is(err, errTooMany) {
		return err
	}
	return errors.Join(err, s.record(ctx, deliveries[half:], outcomes[half:], found))
}

// fate is what is to become of deliveries: by default they are recorded.
type fate struct {
	quarantine *events.Malformed // they go to the quarantine for this
	unapplied  string            // they go to the log alone, marked with this
}

// try writes the deliveries in one transaction. Outcomes are set only if it
// committed.
func (s *Log) try(ctx context.Context, deliveries []events.Delivery, outcomes []events.Outcome, f fate) error {
	return refusal.Again(s.db, func() error {
		err := s.tryOnce(ctx, deliveries, outcomes, f)
		s.erasures.failed(err)
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) && refusal.NoPartition(pgErr) { // somebody dropped it
			s.Forget()
		}
		return err
	})
}

func (s *Log) tryOnce(ctx context.Context, deliveries []events.Delivery, outcomes []events.Outcome, f fate) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if err := s.prepare(ctx); err != nil {
		return err
	}
	known, err := s.erasures.get(ctx, s.db)
	if err != nil {
		return err
	}
	if deliveries, err = s.withoutErased(ctx, known, deliveries); err != nil {
		return err
	}
	clocks, err := s.clocks(ctx, deliveries)
	if err != nil {
		return err
	}
	b := newBatch(deliveries, f, clocks)
	b.erased = known
	if err := s.Ensure(ctx, slices.Collect(maps.Keys(b.months))); err != nil {
		return err
	}
	if err := s.write(ctx, b); err != nil {
		return err
	}
	s.evaluated(b)
	b.outcomes(outcomes)
	s.reports.Committed(s.db.Log(), s.db.Now(), b.quarantine)
	return nil
}

// write sends the batch. Without jobs to expect, all statements go in one
// round trip: Postgres makes what stands between two Syncs one transaction.
func (s *Log) write(ctx context.Context, b *batch) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	if err := memberships.Complete(ctx, conn, b.rows, b.copies); err != nil {
		return err
	}
	// On the connection that will use them: see package numbers.
	if err := s.numbers.Fill(ctx, conn, b.rows); err != nil {
		return err
	}
	if b.fate.unapplied != "" {
		q := &pgx.Batch{}
		b.erased.check(q)
		b.queueEvents(q, s)
		projections.Mark(q, b.rows, b.fate.unapplied)
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if err := tx.SendBatch(ctx, q).Close(); err != nil {
				return err
			}
			return s.settle(ctx, tx, b, func(*pgx.Batch) {})
		})
	}
	if err := s.numbers.Fill(ctx, conn, b.copies); err != nil {
		return err
	}
	b.projected = projections.Of(b.rows, b.copies...)
	mayRun := s.mayRun(b)
	if !mayRun && !b.mayRequestReconcile() && !b.mayFetch() && !b.mayNeedBytes() {
		if err := conn.SendBatch(ctx, s.statements(b)).Close(); err != nil || len(b.recorded) == len(b.rows) {
			return err
		}
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return s.settle(ctx, tx, b, b.queueProjections) })
		if err != nil { // what is recorded will be a duplicate the next time
			b.markedLive = nil
			s.evaluated(b)
		}
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		statements := s.statements(b)
		if mayRun {
			b.projected.Memberships.QueueNeighbours(statements)
		}
		if err := tx.SendBatch(ctx, statements).Close(); err != nil {
			return err
		}
		if err := s.settle(ctx, tx, b, func(*pgx.Batch) {}); err != nil {
			return err
		}
		if mayRun {
			if err := s.claimRuns(ctx, tx, b); err != nil {
				return err
			}
		}
		if err := s.askForContent(ctx, tx, b); err != nil {
			return err
		}
		return s.requestReconcile(ctx, tx, b)
	})
}

// statements queues what the batch holds, in the one order of locks.
func (s *Log) statements(b *batch) *pgx.Batch {
	q := &pgx.Batch{}
	b.erased.check(q)
	b.queueEvents(q, s)
	b.queueProjections(q)
	quarantine.Queue(q, b.quarantine)
	return q
}

func (b *batch) queueProjections(q *pgx.Batch) {
	b.projected.Queue(q)
	b.projected.Memberships.QueueChanges(q)
}
