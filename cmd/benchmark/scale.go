package main

import (
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/cmd/benchmark/scale"
	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// atScale is the command that measures a large database.
func atScale() *cobra.Command {
	var events int
	cmd := &cobra.Command{
		Use: "scale", Short: "Measure how a database with millions of events is read and written",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if events < scale.MinEvents || events > scale.MaxEvents {
				return cli.Usage("--events %d: want %d to %d, such as 5000000", events, scale.MinEvents, scale.MaxEvents)
			}
			return scale.Report(cmd.Context(), events, cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&events, "events", 5_000_000, "events that the database holds")
	return cmd
}
