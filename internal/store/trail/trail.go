// Package trail records what people do with what is recorded: whose content they
// look at, what they export, erase or change. The view analytics.audit_log shows
// it, and the transparency log has a leaf for each row.
//
// It promises that who it was and when is what the database says, whoever asks; and
// that no row is changed or taken out unseen. The caller records before it shows or
// changes anything, and does nothing if that fails: [Commit] before it shows, or
// [Record] in the transaction that makes the change.
package trail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/user"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Action is what somebody does.
type Action struct {
	Name     string // one of docs/audit-actions.md: "access.content_viewed"
	Operator string // who of those who log in as this role; "" for the user of the operating system
	Target   string // what it is done to: "users/123", the id of a record; "" for no one thing
	Space    string // "spaces/S" where that is; "" for none or several
	Reason   string // as somebody has given it; "" for none
	Details  map[string]any
}

// ReasonUsage is what --reason of the commands that record an action says.
const ReasonUsage = "why, for the audit log"

// maxReason is in bytes.
const maxReason = 1000

// Execer is a pool, a connection or a transaction.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Record adds an action to the trail. Readers may add access.… and export.… alone.
func Record(ctx context.Context, q Execer, a Action) error {
	fail := func(err error) error {
		return fmt.Errorf("record %s in the trail, without which it isn't done: %w", a.Name, err)
	}
	details := map[string]any{}
	maps.Copy(details, a.Details)
	if len(a.Reason) > maxReason {
		return fail(fmt.Errorf("the reason has %d bytes: at most %d", len(a.Reason), maxReason))
	}
	if a.Reason != "" {
		details["reason"] = a.Reason
	}
	for name, value := range details {
		if text, ok := value.(string); ok {
			details[name] = store.Clean(text)
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(details); err != nil {
		return fail(err)
	}
	if a.Operator == "" {
		if u, err := user.Current(); err == nil {
			a.Operator = u.Username
		}
	}
	_, err := q.Exec(ctx, `SELECT analytics.record_action($1, $2, $3, $4, $5)`,
		a.Name, store.Clean(a.Operator), store.Clean(a.Target), a.Space, strings.TrimSpace(text.String()))
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "25006" { // read_only_sql_transaction
		err = fmt.Errorf("this database takes no writes, as a copy doesn't: ask the one that it is a copy of (%w)", err)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// Commit records an action in a transaction of its own, which writes even if those
// of a reader don't.
func Commit(ctx context.Context, db *store.Store, a Action) error {
	ctx, cancel := db.WithTimeout(ctx)
	defer cancel()
	return pgx.BeginTxFunc(ctx, db.Pool(), pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		return Record(ctx, tx, a)
	})
}
