package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
)

func newAnalyticsRebuild(env *environment) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Compute the rollups of the schema analytics anew",
		Long: `Rebuild computes what the views agg_… say anew from messages, reactions,
memberships and coverage, in transactions of a few seconds, while the worker goes
on. It may be interrupted: the worker does the rest.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			var since time.Time
			if from != "" {
				if since, err = time.Parse(time.DateOnly, from); err != nil {
					return cli.Usage("--from %q: want a day such as 2026-01-31", from)
				}
			}
			cfg, err := env.Load(config.ForAnalytics)
			if err != nil {
				return err
			}
			return withStore(cmd.Context(), cfg, func(db *store.Store) error {
				progress := env.Progress()
				defer progress.End()
				all := 0
				return analytics.New(db).Rebuild(cmd.Context(), since, func(left int) {
					all = max(all, left)
					progress.Count("computed", all-left, all)
				})
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "of days since this one, such as 2026-01-31, in the reporting zone (default all)")
	env.QuietFlag(cmd)
	return cmd
}
