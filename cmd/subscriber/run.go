package main

import (
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/worker"
)

func newRun(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the worker until it is told to stop",
		Long: `Run pulls events from the Pub/Sub subscription, records them in Postgres and
carries out what the reactors ask for, until it gets SIGTERM or SIGINT.

While Postgres is away it waits and is not ready, at its start as well. Once the
configuration is read, all that it says are lines of its log.

It speaks to Google as the configuration's auth says, and without credentials
where PUBSUB_EMULATOR_HOST and loopback endpoints point it at a simulation (see
"subscriber simulate").`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.Load(config.ForWorker)
			if err != nil {
				return err
			}
			return worker.Main(cmd.Context(), cfg, worker.Options{}, env.Getenv, env.Err)
		},
	}
}
