package jobs

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// NewCanceller returns what ends a statement whose context has ended. The server
// cancels it, too, and its connection lives on. To close that instead would open
// a new one for every cancellation, while the server still works on the old one.
//
// A wait for notifications ends without the server, which would cancel nothing:
// then the wait would go on for a second. River ends one whenever it listens for
// something more, as it does at the start, and every five seconds; alarms do, too.
func NewCanceller(conn *pgconn.PgConn) ctxwatch.Handler {
	return &canceller{CancelRequestContextWatcherHandler: &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: time.Second}}
}

type canceller struct {
	*pgconn.CancelRequestContextWatcherHandler
	waited bool
}

// waits marks the context of a wait for notifications.
type waits struct{}

// HandleCancel implements ctxwatch.Handler.
func (c *canceller) HandleCancel(ctx context.Context) {
	if c.waited = ctx.Value(waits{}) != nil; c.waited {
		_ = c.Conn.Conn().SetDeadline(time.Now()) // fails if the connection is closed, as the wait does then
		return
	}
	c.CancelRequestContextWatcherHandler.HandleCancel(ctx)
}

// HandleUnwatchAfterCancel implements ctxwatch.Handler.
func (c *canceller) HandleUnwatchAfterCancel() {
	if c.waited {
		_ = c.Conn.Conn().SetDeadline(time.Time{}) // as above
		return
	}
	c.CancelRequestContextWatcherHandler.HandleUnwatchAfterCancel()
}
