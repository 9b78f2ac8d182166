package runs

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// nameRounds gives intents of rules that act again after a time the subject of
// the round that they belong to. A new one begins when nothing of the newest is
// pending, and what it did last was done for an event that long ago. Two
// transactions that begin one at the same time give it the same name.
func (s *Runs) nameRounds(ctx context.Context, tx pgx.Tx, intents []reactors.Intent) error {
	q := &pgx.Batch{}
	for i := range intents {
		in := &intents[i]
		if in.Again == 0 || len(in.Steps) == 0 {
			continue
		}
		q.Queue(`
			WITH of_subject AS (
				SELECT subject, outcome, event_time
				FROM reactor_runs
				WHERE reactor = @reactor AND shadow = @shadow AND (subject = @subject OR subject >= @first AND subject < @last)
			), rounds AS (
				SELECT length(subject), subject, bool_or(outcome = 'pending') AS pending,
					max(event_time) FILTER (WHERE outcome IN ('sent', 'shadow', 'collapsed')) AS done_for,
					count(*) OVER () AS n
				FROM of_subject
				GROUP BY subject
				ORDER BY 1 DESC, 2 DESC -- #10 comes after #9
				LIMIT 1
			)
			SELECT COALESCE((SELECT n FROM rounds), 1), COALESCE((SELECT NOT pending AND done_for <= @before FROM rounds), false)`, pgx.NamedArgs{
			"reactor": in.Reactor, "shadow": in.Shadow, "subject": in.Subject,
			"first": in.Subject + " #", "last": in.Subject + " $", "before": store.Microseconds(in.EventTime.Add(-in.Again)),
		}).QueryRow(func(row pgx.Row) error {
			var rounds int
			var over bool
			if err := row.Scan(&rounds, &over); err != nil {
				return err
			}
			if over {
				rounds++
			}
			in.Subject = reactors.Round(in.Subject, rounds)
			return nil
		})
	}
	if q.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, q).Close()
}

// Wake inserts jobs for the pending runs that have to look at their until. A run
// may have several jobs: each looks, and one acts.
func (s *Runs) Wake(ctx context.Context, tx pgx.Tx, wakes []reactors.Wake) error {
	if len(wakes) == 0 {
		return nil
	}
	text := func(field func(*reactors.Wake) string) []string { return store.Column(wakes, field) }
	rows, _ := tx.Query(ctx, `
		SELECT DISTINCT r.id
		FROM unnest(@reactors::text[], @spaces::text[], @members::text[], @messages::text[], @threads::text[])
			AS w (reactor, space, member, message, thread)
		JOIN reactor_runs r ON r.reactor = w.reactor AND r.space = w.space
		WHERE r.outcome = 'pending' AND r.requests IS NULL AND NOT r.held AND r.due_at > @now AND (
			w.member <> '' AND r.member = w.member
			OR w.message <> '' AND r.facts->'message'->>'name' = w.message
			OR w.thread <> '' AND r.facts->'message'->>'thread' = w.thread
		)
		ORDER BY r.id`, pgx.NamedArgs{
		"reactors": text(func(w *reactors.Wake) string { return w.Reactor }),
		"spaces":   text(func(w *reactors.Wake) string { return w.Space }),
		"members":  text(func(w *reactors.Wake) string { return w.Member }),
		"messages": text(func(w *reactors.Wake) string { return w.Message }),
		"threads":  text(func(w *reactors.Wake) string { return w.Thread }),
		"now":      s.db.Now().UTC(),
	})
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err == nil {
		err = s.insertJobs(ctx, tx, store.Column(ids, func(id *int64) river.InsertManyParams { return jobOf(*id) }))
	}
	if err != nil {
		return fmt.Errorf("wake runs that wait: %w", err)
	}
	return nil
}
