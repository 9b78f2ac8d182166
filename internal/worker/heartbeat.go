package worker

import (
	"context"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"
)

// The database keeps when a worker last received events, so that the next one
// knows for how long none did. Pub/Sub drops what it was given longer ago than
// its retention: seven days, unless the subscription asks for another. Where it
// keeps messages longer, the worker takes for a gap what is none, which costs a
// few calls.
const (
	heartbeatInterval = time.Minute
	pubsubRetention   = 7 * 24 * time.Hour
)

// saveHeartbeats tells the database, while events are received, that they are.
func (w *Worker) saveHeartbeats(ctx context.Context) error {
	for ctx.Err() == nil {
		next := heartbeatInterval
		if len(unready(w.Status(), time.Now())) > 0 {
			next = time.Second
		} else if err := w.coverage.Heartbeat(ctx, w.manager.Now(), pubsubRetention); err != nil && ctx.Err() == nil {
			w.log.Warn("worker heartbeat not saved; retrying", zap.Error(err))
		}
		_ = gax.Sleep(ctx, next) // the loop ends with ctx
	}
	return nil
}
