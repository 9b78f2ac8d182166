// Package holds keeps the legal holds: spaces and people of whom nothing may be
// erased or dropped.
//
// It promises that once [Add] has returned, no transaction that [Read] the holds
// without the new one is under way any more. So the caller reads them in each
// transaction that erases or drops, before it does.
package holds

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Hold is one.
type Hold struct {
	Scope  string    `json:"scope"` // "spaces/S" or "users/U"
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

// Holds are those that there are.
type Holds []Hold

// Querier is a transaction, or a pool where nothing is dropped.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Read returns the holds, by their scopes.
func Read(ctx context.Context, q Querier) (Holds, error) {
	rows, _ := q.Query(ctx, `
		SELECT scope, since, reason
		FROM legal_holds
		ORDER BY scope`)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Hold])
	if err != nil {
		return nil, fmt.Errorf("read legal holds: %w", err)
	}
	return list, nil
}

// Spaces are the spaces that are held: "spaces/S".
func (h Holds) Spaces() []string { return h.of("spaces/") }

// People are the people and apps that are held: "users/U".
func (h Holds) People() []string { return h.of("users/") }

func (h Holds) of(kind string) (scopes []string) {
	for _, one := range h {
		if strings.HasPrefix(one.Scope, kind) {
			scopes = append(scopes, one.Scope)
		}
	}
	return scopes
}
