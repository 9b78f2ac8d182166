package eventlog

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// Interactions that tell where the Chat app is (fact sheet §7).
const (
	addedToSpace     = "ADDED_TO_SPACE"
	removedFromSpace = "REMOVED_FROM_SPACE"
)

// isHint reports whether an item is a reason to look at the subscriptions:
// one of their lifecycle events, or the Chat app's coming to a space or
// leaving it.
func isHint(it *events.Item) bool {
	switch it.Kind {
	case events.KindSubscription:
		return true
	case events.KindInteraction:
		return followed(it)
	}
	return false
}

// followed reports whether an item tells where the app is.
func followed(it *events.Item) bool {
	in := it.Interaction
	return in != nil && it.Space != "" && (in.Type == addedToSpace || in.Type == removedFromSpace)
}

func (b *batch) mayHint() bool {
	return slices.ContainsFunc(b.rows, func(r row) bool { return isHint(r.it) })
}

// giveHints asks for a pass of the keeper if the batch recorded a reason for
// one. Hints of the same few seconds ask for the same pass.
func (s *Log) giveHints(ctx context.Context, tx pgx.Tx, b *batch) error {
	hinted := false
	var moves []*row
	for i := range b.rows {
		r := &b.rows[i]
		if !b.recorded[r.id()] || !isHint(r.it) {
			continue
		}
		hinted = true
		if followed(r.it) {
			moves = append(moves, r)
		}
	}
	if !hinted {
		return nil
	}
	if err := follow(ctx, tx, moves); err != nil {
		return err
	}
	return jobs.InsertKeep(ctx, s.db.Jobs(), tx, s.db.Now())
}

// follow keeps whether the app is in a space; the newest event counts.
func follow(ctx context.Context, tx pgx.Tx, moves []*row) error {
	slices.SortFunc(moves, func(x, y *row) int { return cmp.Compare(x.it.Space, y.it.Space) })
	for _, r := range moves {
		if _, err := tx.Exec(ctx, `
			INSERT INTO followed_spaces AS f (space, present, changed_at)
			VALUES ($1, $2, $3)
			ON CONFLICT (space) DO UPDATE SET
				present = excluded.present,
				changed_at = excluded.changed_at
			WHERE f.changed_at < excluded.changed_at`,
			r.it.Space, r.it.Interaction.Type == addedToSpace, r.time); err != nil {
			return fmt.Errorf("keep that the app's presence in %s changed: %w", r.it.Space, err)
		}
	}
	return nil
}
