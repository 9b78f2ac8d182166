package holds

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// ErrNone is the answer of [Remove] if there is no such hold.
var ErrNone = errors.New("there is no such legal hold")

// IsScope tells whether a space or a person is named.
func IsScope(scope string) bool { return events.IsSpace(scope) || events.IsUser(scope) }

// Add adds a hold, or gives one that is there another reason. It waits for the
// transactions that have read the holds: what they drop is gone when it returns. It
// takes the rights of the tables' owner, which the worker hasn't.
func Add(ctx context.Context, tx pgx.Tx, scope, reason string) error {
	if _, err := tx.Exec(ctx, `LOCK TABLE legal_holds IN ACCESS EXCLUSIVE MODE`); err != nil {
		return fmt.Errorf("lock the legal holds: %w", err)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO legal_holds (scope, reason)
		VALUES ($1, $2)
		ON CONFLICT (scope) DO UPDATE SET reason = excluded.reason`, scope, reason); err != nil {
		return fmt.Errorf("hold %s: %w", scope, err)
	}
	return nil
}

// Remove ends a hold: what it kept may go.
func Remove(ctx context.Context, tx pgx.Tx, scope string) error {
	tag, err := tx.Exec(ctx, `
		DELETE FROM legal_holds
		WHERE scope = $1`, scope)
	if err != nil {
		return fmt.Errorf("end the hold of %s: %w", scope, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNone
	}
	return nil
}
