// Package refusal tells whether a statement that Postgres refused is the fault
// of the content, and how much of that is believed, or of a conflict with
// another transaction, which another try resolves.
package refusal

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// retries is how often a transaction is tried again at once when Postgres
// ended it to resolve a conflict with another.
const retries = 3

// Again calls do until it succeeds or an error shows that the same transaction
// can't succeed at once: a deadlock is worth a few more tries.
func Again(db *store.Store, do func() error) error {
	for attempt := 0; ; attempt++ {
		err := do()
		var pgErr *pgconn.PgError
		if !errors.As(err, &pgErr) {
			return err
		}
		if pgErr.Code == "25006" { // the primary became a standby: every connection leads there
			db.Pool().Reset()
		}
		conflict := pgErr.Code == "40001" || pgErr.Code == "40P01" // serialization failure, deadlock
		if attempt >= retries || !conflict && !NoPartition(pgErr) {
			return err
		}
	}
}

// Content reports whether Postgres refused the content, so that the same
// content will always be refused. Only what can follow from a value counts:
// that it isn't text, a number or a time that Postgres knows, that it is too
// large, or that a CHECK of ours on it fails. What a missing value or a number given
// twice would break is not about the event: its columns are all filled in by
// us, its keys allow repetition. Everything else is about the server.
func Content(err error) (*pgconn.PgError, bool) {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return nil, false
	}
	switch pgErr.Code {
	case "22001", "22003", "22007", "22008", "22021", "22P02", "22P03", "22P05", // a value that can't be held
		"22030", "22032", // JSON that can't be held
		"21000",          // two rows for one
		"54000", "54001": // too long for an index, too deep for the stack
		return pgErr, true
	case "23514":
		return pgErr, slices.Contains(contentChecks, pgErr.ConstraintName)
	default:
		return nil, false
	}
}

// contentChecks are the constraints that what an event holds may break. One that
// somebody has added refuses what he doesn't want, not what can't be recorded.
var contentChecks = []string{
	"events_ordinal_check", "stored_membership_changes_state_check", "stored_memberships_state_check", "stored_messages_deleted_check",
	"stored_reactions_times_check",
}

// NoPartition tells a missing partition from a broken CHECK: it has the same
// code, but no constraint.
func NoPartition(err *pgconn.PgError) bool {
	return err.Code == "23514" && err.ConstraintName == ""
}

// Describe says what refused it. It leaves the message out: Postgres quotes content in it.
func Describe(err *pgconn.PgError) string {
	parts := []string{"SQLSTATE " + err.Code}
	if err.TableName != "" {
		parts = append(parts, "table "+err.TableName)
	}
	if err.ConstraintName != "" {
		parts = append(parts, "constraint "+err.ConstraintName)
	}
	return strings.Join(parts, ", ")
}

// Answer is what Postgres refused, without what it quotes.
type Answer struct{ err *pgconn.PgError }

func (a *Answer) Error() string { return "the database refuses it: " + Describe(a.err) }

// SQLState is its code.
func (a *Answer) SQLState() string { return a.err.Code }

// Without hides what an answer may quote of the content. Answers about the
// server and the schema stay as they are, unless they come from a function, which
// may say what it likes.
func Without(err error) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && len(pgErr.Code) == 5 && (pgErr.Where != "" || slices.Contains(quoting, pgErr.Code[:2])) {
		return &Answer{pgErr}
	}
	return err
}

// quoting are the classes whose messages may quote content: cardinality, data,
// constraints, triggers, limits, defects.
var quoting = []string{"0A", "21", "22", "23", "27", "38", "39", "54", "P0", "XX"}

// Patience is how many more deliveries may be refused for their content. It
// grows as others are recorded: content that is to blame is rare, a database
// that is to blame refuses one after the other.
type Patience struct {
	mu    sync.Mutex
	spent float64
}

const (
	maxRefused = 20
	regained   = 1.0 / 20 // for each delivery that is recorded
)

// Left is how many that are.

func (p *Patience) Left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(maxRefused - p.spent)
}

// Grow counts what was recorded.
func (p *Patience) Grow(outcomes []events.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range outcomes {
		if o == events.Recorded || o == events.Duplicate {
			p.spent = max(0, p.spent-regained)
		}
	}
}

// Spend counts what was refused.
func (p *Patience) Spend(n float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spent = min(maxRefused, p.spent+n)
}

// SpendAll says that too much was refused: until others are recorded, nothing
// more is believed to be the fault of content.
func (p *Patience) SpendAll() { p.Spend(maxRefused) }
