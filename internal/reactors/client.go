package reactors

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// maxWorkers is how many attempts are under way at once. Most wait for the
// Chat API.
const maxWorkers = 50

// NewClient returns the River client that carries out runs through d. Cancel
// the context given to its Start to stop it: it fetches nothing more and lets
// the attempts under way finish within the grace period.
func NewClient(pool *pgxpool.Pool, d *Dispatcher, log *zap.Logger, grace time.Duration) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, d); err != nil {
		return nil, fmt.Errorf("register the dispatcher: %w", err)
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues:               map[string]river.QueueConfig{Queue: {MaxWorkers: maxWorkers}},
		Workers:              workers,
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		SoftStopTimeout:      grace,
		// The default of 100 ms would hold back a welcome by as much, and cap
		// the rate at MaxWorkers every 100 ms.
		FetchCooldown: 10 * time.Millisecond,
		// River's own notes are about its housekeeping; what a run does is
		// logged by the dispatcher.
		Logger: slog.New(zapslog.NewHandler(atLeastWarn(log.Named("river")).Core())),
	})
	if err != nil {
		return nil, fmt.Errorf("create the River client: %w", err)
	}
	return client, nil
}

func atLeastWarn(log *zap.Logger) *zap.Logger {
	return log.WithOptions(zap.IncreaseLevel(zapcore.WarnLevel))
}
