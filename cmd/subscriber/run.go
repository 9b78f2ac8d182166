package main

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/logging"
)

func newRun(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the worker until it is told to stop",
		Long: `Run pulls events from the Pub/Sub subscription, records them in Postgres and
carries out what the reactors ask for, until it gets SIGTERM or SIGINT.

It speaks to Google as the configuration's auth says, and without credentials
where PUBSUB_EMULATOR_HOST and loopback endpoints point it at a simulation (see
"subscriber simulate").`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.Load(config.ForWorker)
			if err != nil {
				return err
			}
			log, err := logging.New(cfg.Log.Level, cfg.Log.Format, env.Err)
			if err != nil {
				return err
			}
			defer log.Sync() //nolint:errcheck // stderr of a terminal can't be synced
			if env.Getenv("GOGC") == "" {
				debug.SetGCPercent(ingest.GCPercent)
			}
			return runWorker(cmd.Context(), cfg, log, hooks{})
		},
	}
}

// runWorker is the worker from start to stop.
func runWorker(ctx context.Context, cfg config.Config, log *zap.Logger, h hooks) error {
	w, err := newWorker(ctx, cfg, log, h)
	if err != nil {
		return err
	}
	defer w.close()
	log.Info("worker started", zap.String("version", cli.Version()), zap.String("subscription", cfg.SubscriptionName()))
	if err := w.run(ctx); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	log.Info("worker stopped; everything in hand was committed")
	return nil
}
