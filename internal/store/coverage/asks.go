package coverage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// shortestPast is worth a backfill of its own.
const shortestPast = time.Minute

// AskForPast asks for the events of each scope from a time on up to its own,
// at which it began to be watched. What is covered, or a gap already, isn't
// asked for again, nor are moments: who asks twice may be off by a second in
// between. It returns the scopes that have something to fetch.
func (s *Coverage) AskForPast(ctx context.Context, from time.Time, until map[string]time.Time) (scopes []string, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var names []string
	var ends []time.Time
	for scope, end := range until {
		names, ends = append(names, scope), append(ends, end)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, keeperLock); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			WITH wanted AS (
				SELECT scope, until
				FROM unnest($2::text[], $3::timestamptz[]) AS w (scope, until)
				WHERE until > $1
			)
			INSERT INTO coverage (scope, from_time, to_time, source, cause, repair)
			SELECT w.scope, lower(part), upper(part), 'gap', $4, 'pending'
			FROM wanted w
			CROSS JOIN unnest(tstzmultirange(tstzrange($1, w.until)) - COALESCE((
				SELECT range_agg(tstzrange(c.from_time, c.to_time))
				FROM coverage c
				WHERE c.scope = w.scope
			), '{}')) AS part
			WHERE upper(part) - lower(part) >= $5
			ORDER BY w.scope, part
			RETURNING id, scope`, from, names, ends, CauseMissing, shortestPast)
		if err != nil {
			return err
		}
		var id int64
		var scope string
		var ids []int64
		asked := map[string]bool{}
		if _, err := pgx.ForEachRow(rows, []any{&id, &scope}, func() error {
			ids, asked[scope] = append(ids, id), true
			return nil
		}); err != nil {
			return err
		}
		scopes = slices.Sorted(maps.Keys(asked))
		return s.askForRepair(ctx, tx, ids)
	})
	if err != nil {
		return nil, fmt.Errorf("ask for the events of %d scopes since %s: %w", len(until), from.Format(time.RFC3339), err)
	}
	return scopes, nil
}

// AskForMembers asks for the members of each space to be listed.
func (s *Coverage) AskForMembers(ctx context.Context, spaces []string) error {
	if len(spaces) == 0 {
		return nil
	}
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	params := make([]river.InsertManyParams, len(spaces))
	for i, space := range spaces {
		params[i] = river.InsertManyParams{
			Args: jobs.Members{Space: space}, InsertOpts: &river.InsertOpts{Queue: jobs.QueueMembers},
		}
	}
	if _, err := s.db.Jobs().InsertManyFast(ctx, params); err != nil {
		return fmt.Errorf("ask for the members of %d spaces: %w", len(spaces), err)
	}
	return nil
}

// AskForPass asks for a pass of the keeper in a few seconds, with whoever else
// asks until then.
func (s *Coverage) AskForPass(ctx context.Context) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return jobs.InsertKeep(ctx, s.db.Jobs(), tx, s.db.Now()) })
}
