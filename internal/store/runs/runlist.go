package runs

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// Filter says which runs to list. The zero value of a field means any.
type Filter struct {
	Reactor string
	Space   string
	Member  string
	Outcome reactors.Outcome
	Since   time.Time // of the event
	Before  int64     // runs with lower numbers: the page after one that ended with this
	Max     int       // 0: 50
}

// where finds what the filter asks for, whether runs or evaluations. What it
// doesn't ask for isn't there, so that an index is found for the rest.
func (f Filter) where() string {
	conditions := []string{"true"}
	for _, c := range []struct {
		asked     bool
		condition string
	}{
		{f.Reactor != "", "r.reactor = @reactor"},
		{f.Space != "", "r.space = @space"},
		{f.Member != "", "r.member = @member"},
		{f.Outcome == reactors.Failed, "r.outcome = 'failed'"}, // as its index says
		{f.Outcome != "", "r.outcome = @outcome"},
		{!f.Since.IsZero(), "r.event_time >= @since"},
	} {
		if c.asked {
			conditions = append(conditions, c.condition)
		}
	}
	return strings.Join(conditions, " AND ")
}

func (f Filter) args() pgx.NamedArgs {
	return pgx.NamedArgs{
		"reactor": f.Reactor, "space": f.Space, "member": f.Member, "outcome": string(f.Outcome),
		"since": store.OptionalTime(f.Since), "before": f.Before, "max": cmp.Or(f.Max, 50),
	}
}

// List lists runs, the newest first.
func (s *Runs) List(ctx context.Context, f Filter) ([]reactors.Run, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, `
		SELECT `+runColumns+`
		FROM reactor_runs r
		WHERE `+f.where()+` AND (@before = 0 OR r.id < @before)
		ORDER BY r.id DESC
		LIMIT @max`, f.args())
	list, err := pgx.CollectRows(rows, collectRun)
	if err != nil {
		return nil, fmt.Errorf("list reactor runs: %w", err)
	}
	return list, nil
}

// Evaluation is one that led to no run.
type Evaluation struct {
	At        time.Time
	EventTime time.Time
	Shadow    bool
	Reactor   string
	Trigger   reactors.Trigger
	Outcome   reactors.Outcome
	Subject   string
	Space     string
	Member    string
	Reason    string
}

// Evaluations lists evaluations that led to no run, the newest first: a sample
// of each hour.
func (s *Runs) Evaluations(ctx context.Context, f Filter) ([]Evaluation, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, `
		SELECT at, event_time, shadow, reactor, trigger, outcome, subject, space, member, COALESCE(reason, '') AS reason
		FROM reactor_evaluations r
		WHERE `+f.where()+`
		ORDER BY at DESC, id DESC
		LIMIT @max`, f.args())
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Evaluation])
	if err != nil {
		return nil, fmt.Errorf("list evaluations: %w", err)
	}
	return list, nil
}

// OutcomeCount is how often a rule came to an outcome.
type OutcomeCount struct {
	Reactor string
	Outcome reactors.Outcome
	Shadow  bool
	Count   int64
}

// OutcomeCounts sums up outcomes of the last two weeks since a time, to the hour,
// and counts what hasn't ended.
func (s *Runs) OutcomeCounts(ctx context.Context, since time.Time) ([]OutcomeCount, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, `
		SELECT reactor, outcome, shadow, sum(count)::bigint AS count
		FROM reactor_counts
		WHERE hour >= date_trunc('hour', $1::timestamptz, 'UTC')
		GROUP BY reactor, outcome, shadow
		UNION ALL
		SELECT reactor, outcome, shadow, count(*)
		FROM reactor_runs
		WHERE outcome IN ('pending', 'unclear') AND finished_at IS NULL
		GROUP BY reactor, outcome, shadow
		ORDER BY reactor, outcome, shadow`, since)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OutcomeCount])
	if err != nil {
		return nil, fmt.Errorf("count outcomes: %w", err)
	}
	return list, nil
}

// RetryRun gives a run that has ended without its effect another try, now and
// by the rule as it is now; it doesn't count as ended until it ends again. ok is
// false if there is none, or if it isn't one that may be tried again.
func (s *Runs) RetryRun(ctx context.Context, runID int64) (ok bool, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	now := s.db.Now().UTC()
	entry := reactors.TraceEntry{At: now, What: "tried again by hand"}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// It isn't among those any more that ended as it did.
		rows, _ := tx.Query(ctx, `
			WITH ended AS (
				SELECT id, reactor, outcome, shadow, finished_at
				FROM reactor_runs
				WHERE id = $1 AND outcome NOT IN ('pending', 'sent', 'shadow', 'collapsed')
				FOR UPDATE
			), counted AS (
				UPDATE reactor_counts c
				SET count = c.count - 1
				FROM (
					SELECT o.hour, o.reactor, o.outcome, o.shadow, o.shard
					FROM ended e
					JOIN reactor_counts o ON o.hour = date_trunc('hour', e.finished_at, 'UTC')
						AND (o.reactor, o.outcome, o.shadow) = (e.reactor, e.outcome, e.shadow) AND o.count > 0
					LIMIT 1
					FOR UPDATE OF o
				) one
				WHERE (c.hour, c.reactor, c.outcome, c.shadow, c.shard) = (one.hour, one.reactor, one.outcome, one.shadow, one.shard)
			)
			UPDATE reactor_runs r
			SET outcome = 'pending', finished_at = NULL, reason = NULL, attempts = 0, due_at = $2, slot_at = NULL,
				-- what took effect stays done
				requests = CASE WHEN requests::jsonb @> '[{"done": true}]' THEN requests END,
				trace = `+longerTrace("$3")+`
			FROM ended
			WHERE r.id = ended.id
			RETURNING r.reactor, r.space`,
			runID, now, traceJSON([]reactors.TraceEntry{entry}))
		again, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Reactor, Space string }])
		if err != nil || len(again) == 0 {
			return err
		}
		ok = true
		if err := trail.Record(ctx, tx, trail.Action{
			Name: "reactor.retried", Target: again[0].Reactor, Space: again[0].Space, Details: map[string]any{"run": runID},
		}); err != nil {
			return err
		}
		return s.insertJobs(ctx, tx, []river.InsertManyParams{jobOf(runID)})
	})
	if err != nil {
		return false, fmt.Errorf("try reactor run %d again: %w", runID, err)
	}
	return ok, nil
}
