package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/refusal"
)

// refused is one delivery whose content the database refused.
type refused struct {
	delivery []events.Delivery // one
	outcome  []events.Outcome  // its
	rejected *pgconn.PgError
}

// refusals are those of a batch.
type refusals struct {
	list       []refused
	maxRefused int // more than that aren't the fault of content
}

// errTooMany says that so much is refused that it can't be the content.
var errTooMany = errors.New("the database refuses the content of so many events that the database must be at fault; they are held")

func (r *refusals) add(x refused) error {
	if len(r.list) >= r.maxRefused {
		return fmt.Errorf("%w: %w", errTooMany, x.rejected)
	}
	r.list = append(r.list, x)
	return nil
}

// setAside keeps what was refused, once it is clear that it isn't too much.
func (s *Log) setAside(ctx context.Context, found *refusals) error {
	var failed error
	for _, x := range found.list {
		what := refusal.Describe(x.rejected)
		err := s.try(ctx, x.delivery, x.outcome, fate{unapplied: what})
		if err == nil && x.outcome[0] == events.Recorded {
			s.db.Log().Warn("event recorded without what follows from it; mend with `subscriber projections rebuild`",
				zap.String("message_id", x.delivery[0].MessageID), zap.String("detail", what))
		}
		if rejected, ok := refusal.Content(err); ok {
			err = s.try(ctx, x.delivery, x.outcome,
				fate{quarantine: &events.Malformed{Reason: ReasonRejected, Detail: refusal.Describe(rejected), Offset: -1}})
		}
		if err == nil && x.outcome[0] != events.Duplicate {
			s.patience.Spend(1)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// clocks are the times that an event may be judged by besides Pub/Sub's: ours,
// and, if that would refuse one, the database's.
func (s *Log) clocks(ctx context.Context, deliveries []events.Delivery) ([]time.Time, error) {
	clocks := []time.Time{s.db.Now()}
	for i := range deliveries {
		if deliveries[i].Event != nil && absurd(&deliveries[i], clocks) {
			var now time.Time
			if err := s.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
				return nil, fmt.Errorf("ask the database for the time: %w", err)
			}
			return append(clocks, now), nil
		}
	}
	return clocks, nil
}

// absurd reports whether the event's time is out of reach of every clock: a
// clock that is wrong must not cost an event. Pub/Sub's publish time is
// Google's clock, as is the event's.
func absurd(d *events.Delivery, clocks []time.Time) bool {
	at := store.Microseconds(d.Event.Time)
	near := func(now time.Time) bool {
		return !at.Before(now.Add(-oldestEvent)) && !at.After(now.Add(newestEvent))
	}
	if !d.PublishTime.IsZero() && near(d.PublishTime) {
		return false
	}
	for _, now := range clocks {
		if near(now) {
			return false
		}
	}
	return true
}

func absurdTime(at time.Time) *events.Malformed {
	return &events.Malformed{
		Reason: ReasonAbsurdTime,
		Detail: fmt.Sprintf("event time %s is outside of %d days back to %d ahead",
			at.Format(time.RFC3339), oldestEvent/(24*time.Hour), newestEvent/(24*time.Hour)),
		Offset: -1,
	}
}
