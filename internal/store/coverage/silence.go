package coverage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Silence is a space that has been quiet for longer than usual.
type Silence struct {
	Space string    // "spaces/S"
	Since time.Time // of its last event, or when it began to be watched
}

// A silence is at least twice the longest pause among the last events, so that
// nights and weekends of a slow space are none.
const (
	baselineEvents = 50
	minEvents      = 10 // fewer are no baseline
	minSilence     = 30 * time.Minute
	firstSilence   = 24 * time.Hour // of a space without a baseline
)

// Silences returns watched spaces that have been quiet for longer than their own
// baseline, the most unusual first, at most limit. A space that was checked is
// not among them until its silence has doubled.
func (s *Coverage) Silences(ctx context.Context, now time.Time, limit int) ([]Silence, error) {
	list, err := store.List(ctx, s.db, pgx.RowToStructByPos[Silence], `
		WITH watched AS (
			SELECT scope, from_time
			FROM coverage
			WHERE to_time IS NULL AND source = 'live'
		), candidates AS (
			SELECT w.scope AS space, s.id, w.from_time
			FROM watched w
			LEFT JOIN spaces s ON s.space = w.scope
			WHERE w.scope LIKE 'spaces/%' AND w.scope <> 'spaces/-' AND s.deleted_at IS NULL
			UNION
			SELECT s.space, s.id, w.from_time
			FROM watched w
			CROSS JOIN spaces s
			WHERE (w.scope NOT LIKE 'spaces/%' OR w.scope = 'spaces/-') AND s.deleted_at IS NULL
				AND NOT EXISTS (SELECT FROM coverage c WHERE c.scope = s.space AND c.to_time IS NULL)
		), paused AS (
			SELECT c.space, COALESCE(max(b.last), min(c.from_time)) AS since,
				CASE WHEN max(b.events) >= @least_events THEN GREATEST(2 * max(b.longest), @least) ELSE @first END AS allowed
			FROM candidates c
			CROSS JOIN LATERAL (
				SELECT max(event_time) AS last, max(pause) AS longest, count(*) AS events
				FROM (
					SELECT event_time, event_time - lag(event_time) OVER (ORDER BY event_time) AS pause
					FROM (
						SELECT event_time
						FROM events
						WHERE space_id = c.id
						ORDER BY event_time DESC
						LIMIT @baseline
					) newest
				) pauses
			) b
			GROUP BY c.space
		)
		SELECT p.space, p.since
		FROM paused p
		LEFT JOIN silence_checks k ON k.space = p.space AND k.event_time = p.since
		WHERE @now - p.since > p.allowed AND (k.checked_at IS NULL OR @now - p.since >= 2 * (k.checked_at - p.since))
		ORDER BY extract(epoch FROM @now - p.since) / extract(epoch FROM p.allowed) DESC, p.space
		LIMIT @max`,
		pgx.NamedArgs{
			"now": pgtype.Timestamptz{Time: store.Microseconds(now), Valid: true}, "max": limit,
			"baseline": baselineEvents, "least_events": minEvents, "least": minSilence, "first": firstSilence,
		})
	if err != nil {
		return nil, fmt.Errorf("find silent spaces: %w", err)
	}
	return list, nil
}

// SilenceChecked saves that Google was asked about a silence.
func (s *Coverage) SilenceChecked(ctx context.Context, n Silence, at time.Time) error {
	if _, err := s.db.Exec(ctx, `
		INSERT INTO silence_checks (space, event_time, checked_at)
		VALUES ($1, $2, $3)
		ON CONFLICT (space) DO UPDATE SET
			event_time = excluded.event_time,
			checked_at = excluded.checked_at`, n.Space, n.Since, store.Microseconds(at)); err != nil {
		return fmt.Errorf("save silence check of %s: %w", n.Space, err)
	}
	return nil
}

// Event names an event of a space and its time, by Google's clock.
type Event struct {
	ID   string // ce-id
	Time time.Time
}

// Unrecorded counts those of the events that are neither in the log nor in the
// quarantine.
func (s *Coverage) Unrecorded(ctx context.Context, list []Event) (n int, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = s.db.Pool().QueryRow(ctx, `
		SELECT count(*)
		FROM unnest($1::text[], $2::timestamptz[]) AS i (id, event_time)
		WHERE NOT EXISTS (SELECT FROM events e WHERE e.event_time = i.event_time AND e.event_key = event_key(i.id))
			AND NOT EXISTS (SELECT FROM quarantine q WHERE q.event_key = event_key(i.id))`,
		store.Column(list, func(e *Event) string { return e.ID }),
		store.Column(list, func(e *Event) time.Time { return store.Microseconds(e.Time) })).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("find unrecorded events: %w", err)
	}
	return n, nil
}

// SilentLoss opens a gap of a space that is watched by a subscription of its own
// or a wider one: events are missing in [from, to) although it was ACTIVE.
func (s *Coverage) SilentLoss(ctx context.Context, space string, from, to time.Time) error {
	err := s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		ids, err := cutGap(ctx, tx, space, from, to, CauseSilentLoss)
		if err != nil {
			return err
		}
		var own bool
		if err := tx.QueryRow(ctx, `
			SELECT EXISTS (
				SELECT FROM coverage
				WHERE scope = $1 AND from_time < $3 AND (to_time IS NULL OR to_time > $2)
			)`, space, from, to).Scan(&own); err != nil {
			return err
		}
		if !own { // the wide scope's interval stays: other spaces weren't silent
			id, err := insertGap(ctx, tx, space, from, to, CauseSilentLoss)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return s.requestRepair(ctx, tx, ids)
	})
	if err != nil {
		return fmt.Errorf("open a gap of %s since %s: %w", space, from.Format(time.RFC3339), err)
	}
	return nil
}
