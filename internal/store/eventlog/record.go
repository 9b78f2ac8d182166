package eventlog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// The store's own reasons for quarantine.
const (
	ReasonAbsurdTime events.Reason = "absurd_time"          // no partition can hold it
	ReasonRejected   events.Reason = "rejected_by_database" // Postgres refused the content
)

// retries is how often a transaction is tried again at once when Postgres
// ended it to resolve a conflict with another.
const retries = 3

// Record commits the deliveries; outcomes[i] tells what became of
// deliveries[i]. Those that are events.Unsettled must be tried again; there
// are some if and only if the error is not nil.
//
// The whole batch is one transaction, unless the database refuses content of
// it: then each half is, and so on down to the deliveries to blame.
func (s *Log) Record(ctx context.Context, deliveries []events.Delivery) ([]events.Outcome, error) {
	outcomes := make([]events.Outcome, len(deliveries))
	if len(deliveries) == 0 {
		return outcomes, nil
	}
	if err := s.record(ctx, deliveries, outcomes); err != nil {
		return outcomes, fmt.Errorf("record %d deliveries: %w", len(deliveries), err)
	}
	return outcomes, nil
}

func (s *Log) record(ctx context.Context, deliveries []events.Delivery, outcomes []events.Outcome) error {
	err := s.try(ctx, deliveries, outcomes, nil)
	rejected, ok := dataError(err)
	if !ok {
		return err
	}
	if len(deliveries) == 1 {
		why := &events.Malformed{Reason: ReasonRejected, Detail: describe(rejected), Offset: -1}
		s.db.Log().Warn("delivery quarantined", zap.String("message_id", deliveries[0].MessageID),
			zap.String("reason", string(why.Reason)), zap.String("detail", why.Detail))
		return s.try(ctx, deliveries, outcomes, why)
	}
	half := len(deliveries) / 2
	return errors.Join(
		s.record(ctx, deliveries[:half], outcomes[:half]),
		s.record(ctx, deliveries[half:], outcomes[half:]))
}

// again calls do until it succeeds or an error shows that the same transaction
// can't succeed at once: a deadlock is worth a few more tries.
func (s *Log) again(do func() error) error {
	for attempt := 0; ; attempt++ {
		err := do()
		if err == nil {
			return nil
		}
		if err = s.afterError(err); attempt >= retries || !errors.Is(err, errAgain) {
			return err
		}
	}
}

// try records the deliveries in one transaction; with a reason why, it
// quarantines them instead. Outcomes are set only if it committed.
func (s *Log) try(ctx context.Context, deliveries []events.Delivery, outcomes []events.Outcome, why *events.Malformed) error {
	return s.again(func() error { return s.tryOnce(ctx, deliveries, outcomes, why) })
}

func (s *Log) tryOnce(ctx context.Context, deliveries []events.Delivery, outcomes []events.Outcome, why *events.Malformed) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if err := s.prepare(ctx); err != nil {
		return err
	}
	b := s.newBatch(deliveries, why)
	if err := s.EnsureMonths(ctx, slices.Collect(maps.Keys(b.months))); err != nil {
		return err
	}
	if err := s.write(ctx, b); err != nil {
		return err
	}
	b.outcomes(outcomes)
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
	// On the connection that will use them: see lookups.
	if err := s.lookups.number(ctx, conn, b.rows); err != nil {
		return err
	}
	b.project()
	mayRun := s.mayRun(b)
	if !mayRun && !b.mayRequestReconcile() && !b.mayFetch() {
		return conn.SendBatch(ctx, s.statements(b)).Close()
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		statements := s.statements(b)
		if mayRun {
			b.queueNeighbours(statements)
		}
		if err := tx.SendBatch(ctx, statements).Close(); err != nil {
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
	b.queueEvents(q, s)
	b.queueProjections(q)
	b.queueMembershipChanges(q)
	b.queueQuarantine(q)
	return q
}

func (b *batch) queueProjections(q *pgx.Batch) {
	b.queueSpaces(q)
	b.queueUsers(q)
	b.queueMessages(q)
	b.queueReactions(q)
	b.queueMemberships(q)
}

// errAgain marks an error after which the same transaction may be tried again
// at once.
var errAgain = errors.New("try again at once")

// afterError mends what an error shows to be broken on our side.
func (s *Log) afterError(err error) error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return err
	}
	switch {
	case pgErr.Code == "40001", pgErr.Code == "40P01": // serialization failure, deadlock
		return fmt.Errorf("%w: %w", errAgain, err)
	case noPartition(pgErr): // somebody dropped it
		s.Forget()
		return fmt.Errorf("%w: %w", errAgain, err)
	case pgErr.Code == "25006": // the primary became a standby: every connection leads there
		s.pool.Reset()
	}
	return err
}

// noPartition tells a missing partition from a broken CHECK: it has the same
// code, but no constraint.
func noPartition(err *pgconn.PgError) bool {
	return err.Code == "23514" && err.ConstraintName == ""
}

// dataError reports whether Postgres refused the content, so that the same
// content will always be refused: data exceptions (22), constraints (23), a row
// that appears twice (21), a limit of the server (54). Everything else is
// about the server and may pass.
func dataError(err error) (*pgconn.PgError, bool) {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || noPartition(pgErr) || len(pgErr.Code) != 5 {
		return nil, false
	}
	switch pgErr.Code[:2] {
	case "21", "22", "23", "54":
		return pgErr, true
	default:
		return nil, false
	}
}

// describe leaves the message out: Postgres quotes content in it.
func describe(err *pgconn.PgError) string {
	parts := []string{"SQLSTATE " + err.Code}
	if err.TableName != "" {
		parts = append(parts, "table "+err.TableName)
	}
	if err.ConstraintName != "" {
		parts = append(parts, "constraint "+err.ConstraintName)
	}
	return strings.Join(parts, ", ")
}
