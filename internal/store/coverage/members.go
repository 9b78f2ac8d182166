package coverage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

const (
	listedFor    = 24 * time.Hour // how long a list of members is good
	listAgain    = 6 * time.Hour  // when a list that never came is asked for again
	listsAtATime = 500            // that one pass asks for: a day has hundreds of passes
)

// watchedSpaces selects the spaces that are watched by a subscription of their
// own or a wider one, and since when. A user's own memberships are none.
const watchedSpaces = `
	SELECT space, min(from_time) AS from_time
	FROM (
		SELECT c.scope AS space, c.from_time
		FROM coverage c
		WHERE c.to_time IS NULL AND c.source = 'live' AND c.scope LIKE 'spaces/%' AND c.scope <> 'spaces/-'
		UNION ALL
		SELECT s.space, c.from_time
		FROM coverage c
		CROSS JOIN spaces s
		WHERE c.to_time IS NULL AND c.source = 'live' AND (c.scope = 'spaces/-' OR c.scope LIKE 'customers/%')
			AND s.deleted_at IS NULL
	) w
	GROUP BY space`

// requestMembers has the members listed of watched spaces whose list is older
// than a day, or than the subscription: no event tells who was there before.
func (s *Coverage) requestMembers(ctx context.Context, tx pgx.Tx, at time.Time) error {
	rows, _ := tx.Query(ctx, `
		INSERT INTO member_lists AS l (space, requested_at)
		SELECT w.space, GREATEST(@at, w.from_time)
		FROM (`+watchedSpaces+`) w
		LEFT JOIN member_lists k ON k.space = w.space
		WHERE COALESCE(k.listed_at, '-infinity') < GREATEST(w.from_time, @at - @listed_for::interval)
			AND COALESCE(k.requested_at, '-infinity') < GREATEST(w.from_time, @at - @again::interval)
		ORDER BY k.listed_at NULLS FIRST, w.space
		LIMIT @max
		ON CONFLICT (space) DO UPDATE SET
			requested_at = excluded.requested_at
		RETURNING space`,
		pgx.NamedArgs{"at": at, "listed_for": listedFor, "again": listAgain, "max": listsAtATime})
	spaces, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(spaces) == 0 {
		return err
	}
	opts := jobs.MembersOpts()
	params := make([]river.InsertManyParams, len(spaces))
	for i, space := range spaces {
		params[i] = river.InsertManyParams{Args: jobs.Members{Space: space}, InsertOpts: &opts}
	}
	if _, err := s.db.Jobs().InsertManyTx(ctx, tx, params); err != nil {
		return fmt.Errorf("request the members of %d spaces: %w", len(spaces), err)
	}
	return nil
}

// MembersListed saves that the members of a space were listed, as of a time by
// Google's clock.
func (s *Coverage) MembersListed(ctx context.Context, space string, asOf time.Time) error {
	if _, err := s.db.Exec(ctx, `
		INSERT INTO member_lists AS l (space, listed_at)
		VALUES ($1, $2)
		ON CONFLICT (space) DO UPDATE SET
			listed_at = GREATEST(l.listed_at, excluded.listed_at)`, space, store.Microseconds(asOf)); err != nil {
		return fmt.Errorf("save that the members of %s were listed: %w", space, err)
	}
	return nil
}

// MemberLists counts the watched spaces, and those of them whose members were
// never listed.
func (s *Coverage) MemberLists(ctx context.Context) (watched, unlisted int, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = s.pool.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE l.listed_at IS NULL)
		FROM (`+watchedSpaces+`) w
		LEFT JOIN member_lists l ON l.space = w.space`).Scan(&watched, &unlisted)
	if err != nil {
		return 0, 0, fmt.Errorf("count the lists of members: %w", err)
	}
	return watched, unlisted, nil
}
