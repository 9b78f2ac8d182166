package coverage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Gap is a span of time from which events are missing.
type Gap struct {
	ID     int64
	Scope  string    // "spaces/S", or a wide one
	From   time.Time // begin, by Google's clock
	To     time.Time // end; zero while it is open
	Cause  string    // Cause… or a reason of a suspension
	State  string    // GapOpen, GapPending, GapImpossible or GapAcknowledged
	Detail string    // why it can't be repaired
	Known  string    // what the person said who acknowledged it
}

// States of a gap.
const (
	GapOpen         = "open"         // it still grows
	GapPending      = "pending"      // its repair is under way
	GapImpossible   = "impossible"   // Detail says why
	GapAcknowledged = "acknowledged" // it is impossible, and a person knows
)

// ErrNoGap says that there is no such gap, or that it has been repaired.
var ErrNoGap = errors.New("there is no such gap")

const gapColumns = `
	SELECT id, scope, from_time, to_time, cause, state, COALESCE(detail, ''), COALESCE(acknowledgement, '')
	FROM coverage_gaps`

// Gaps returns all gaps that are not repaired, oldest first.
func (s *Coverage) Gaps(ctx context.Context) ([]Gap, error) {
	gaps, err := store.List(ctx, s.db, scanGap, gapColumns+`
		ORDER BY from_time, id`)
	if err != nil {
		return nil, fmt.Errorf("read the gaps: %w", err)
	}
	return gaps, nil
}

// Gap returns one gap, or [ErrNoGap].
func (s *Coverage) Gap(ctx context.Context, id int64) (Gap, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, gapColumns+`
		WHERE id = $1`, id)
	gap, err := pgx.CollectExactlyOneRow(rows, scanGap)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoGap
	}
	if err != nil {
		return Gap{}, fmt.Errorf("read gap %d: %w", id, err)
	}
	return gap, nil
}

func scanGap(row pgx.CollectableRow) (g Gap, err error) {
	err = row.Scan(&g.ID, &g.Scope, &g.From, store.Nullable(&g.To), &g.Cause, &g.State, &g.Detail, &g.Known)
	return g, err
}

// OpenGap turns covered time into a gap, and requests its repair. Gaps stay as
// they are, and time that was not watched doesn't become a gap.
func (s *Coverage) OpenGap(ctx context.Context, scope string, from, to time.Time, cause string) error {
	err := s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		ids, err := cutGap(ctx, tx, scope, from, to, cause)
		if err != nil {
			return err
		}
		return s.requestRepair(ctx, tx, ids)
	})
	if err != nil {
		return fmt.Errorf("open a gap of %s from %s to %s: %w", scope, from.Format(time.RFC3339), to.Format(time.RFC3339), err)
	}
	return nil
}

// cutGap replaces the covered part of [from, to) by gaps, one for each
// interval that it meets. The rest of those intervals stays.
func cutGap(ctx context.Context, tx pgx.Tx, scope string, from, to time.Time, cause string) ([]int64, error) {
	rows, _ := tx.Query(ctx, `
		WITH met AS (
			SELECT id, from_time, to_time, source, cause, events, repaired_at
			FROM coverage
			WHERE scope = $1 AND source <> 'gap' AND from_time < $3 AND (to_time IS NULL OR to_time > $2)
		), gone AS (
			DELETE FROM coverage
			WHERE id IN (SELECT id FROM met)
		), before AS (
			INSERT INTO coverage (scope, from_time, to_time, source, cause, events, repaired_at)
			SELECT $1, from_time, $2, source, cause, events, repaired_at
			FROM met
			WHERE from_time < $2
		)
		SELECT from_time, to_time, source, cause
		FROM met
		ORDER BY from_time`, scope, from, to)
	type part struct {
		FromTime time.Time
		ToTime   pgtype.Timestamptz
		Source   string
		Cause    pgtype.Text
	}
	met, err := pgx.CollectRows(rows, pgx.RowToStructByName[part])
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, m := range met {
		end := to
		if m.ToTime.Valid && m.ToTime.Time.Before(to) {
			end = m.ToTime.Time
		}
		id, err := insertGap(ctx, tx, scope, latest(m.FromTime, from), end, cause)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
		if !m.ToTime.Valid || m.ToTime.Time.After(to) {
			if _, err := tx.Exec(ctx, `
				INSERT INTO coverage (scope, from_time, to_time, source, cause)
				VALUES ($1, $2, $3, $4, $5)`, scope, to, m.ToTime, m.Source, m.Cause); err != nil {
				return nil, err
			}
		}
	}
	return ids, nil
}

// askedInTime is by how much the events that a person asks for have to be younger
// than what Google keeps: nobody can fetch all at the moment of asking.
const askedInTime = 24 * time.Hour

// GapRepaired closes a gap whose backfill is complete from since on. Time before
// since stays a gap that can't be repaired, as Google doesn't keep its events. What
// was about to be too old when a person asked for it is no gap.
func (s *Coverage) GapRepaired(ctx context.Context, id int64, since time.Time, events int) error {
	tag, err := s.db.Exec(ctx, `
		WITH lost AS (
			SELECT scope, GREATEST(from_time, asked_at - @kept::interval) AS from_time, LEAST(to_time, @since) AS to_time, cause
			FROM coverage
			WHERE id = @id AND source = 'gap' AND repair = 'pending'
		), old AS (
			INSERT INTO coverage (scope, from_time, to_time, source, cause, repair, detail)
			SELECT scope, from_time, to_time, 'gap', cause, 'impossible', @too_old
			FROM lost
			WHERE from_time < to_time
		)
		UPDATE coverage
		SET from_time = LEAST(to_time, GREATEST(from_time, @since)), source = 'backfill', repair = NULL, events = @events, repaired_at = now()
		WHERE id = @id AND source = 'gap' AND repair = 'pending'`,
		pgx.NamedArgs{"id": id, "since": since, "events": events, "too_old": ReasonTooOld, "kept": Kept - askedInTime})
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrNoGap
	}
	if err != nil {
		return fmt.Errorf("close gap %d: %w", id, err)
	}
	return nil
}

// RequestLostRepairs requests the repair of gaps whose job is gone, and returns
// how many there were: somebody has cancelled or deleted it, or it has failed
// too often.
func (s *Coverage) RequestLostRepairs(ctx context.Context) (lost int, err error) {
	err = s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			SELECT id
			FROM coverage c
			WHERE source = 'gap' AND repair = 'pending' AND NOT EXISTS (
				SELECT FROM river_job j
				WHERE j.kind = $1 AND j.args->>'gap' = c.id::text AND j.finalized_at IS NULL
			)
			ORDER BY id`, jobs.Backfill{}.Kind())
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		lost = len(ids)
		return s.requestRepair(ctx, tx, ids)
	})
	if err != nil {
		return 0, fmt.Errorf("request repairs that were lost: %w", err)
	}
	return lost, nil
}

// Kept is how long Google lists events.
const Kept = 28 * 24 * time.Hour

// ReasonTooOld is the detail of gaps that are older than what Google keeps.
const ReasonTooOld = "Google keeps events for 28 days"

// GapImpossible saves that a gap can't be repaired, and why.
func (s *Coverage) GapImpossible(ctx context.Context, id int64, reason string) error {
	tag, err := s.db.Exec(ctx, `
		UPDATE coverage
		SET repair = 'impossible', detail = $2
		WHERE id = $1 AND source = 'gap' AND repair = 'pending'`, id, reason)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrNoGap
	}
	if err != nil {
		return fmt.Errorf("mark gap %d unrepairable: %w", id, err)
	}
	return nil
}

// ErrNotLost says that a gap may still be repaired.
var ErrNotLost = errors.New("it may still be repaired: only a gap that can't be is acknowledged")

// AcknowledgeGap saves that a person knows that a gap can't be repaired, and what
// they say about it. It counts as missing all the same.
func (s *Coverage) AcknowledgeGap(ctx context.Context, id int64, reason string) error {
	tag, err := s.db.Exec(ctx, `
		UPDATE coverage
		SET acknowledged_at = now(), acknowledgement = $2
		WHERE id = $1 AND source = 'gap' AND repair = 'impossible'`, id, reason)
	if err == nil && tag.RowsAffected() == 0 {
		if _, err = s.Gap(ctx, id); err == nil {
			err = ErrNotLost
		}
	}
	if err != nil {
		return fmt.Errorf("acknowledge gap %d: %w", id, err)
	}
	return nil
}
