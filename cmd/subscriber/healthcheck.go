package main

import (
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/worker"
)

func newHealthcheck(env *environment) *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running worker whether it receives and records events",
		Long:  "Healthcheck exits 0 if the worker on this machine is ready (with --live: healthy), and 1 with the reason otherwise.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.Load()
			if err != nil {
				return err
			}
			if cfg.Health.Addr == "" {
				return cli.WrongConfiguration("health.addr is off: set it to where the worker is to answer, such as 127.0.0.1:8080")
			}
			answer, err := worker.CheckHealth(cmd.Context(), cfg.Health.Addr, live)
			env.Print("%s", answer)
			return err
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "ask whether the process is worth keeping, not whether it is ready")
	return cmd
}
