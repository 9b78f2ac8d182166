package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/analytics"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

func newTail(env *environment) *cobra.Command {
	var f analytics.Filter
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print events as they are recorded, until Ctrl-C",
		Long: `Tail prints a line for each event that is recorded from now on, with the names of
people and spaces, and never what people wrote. It reads the log itself, which
takes the rights of spacekeeper_worker: readers of analytics have none to it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.Check(); err != nil {
				return cli.Usage("--type %q: %v", strings.Join(f.Types, ","), err)
			}
			return env.withNumbers(cmd.Context(), config.ForTail, func(db *store.Store) error {
				return analytics.PrintEvents(cmd.Context(), &env.Env, db, f)
			})
		},
	}
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	cmd.Flags().StringVar(&f.Space, "space", "", "only in this space, by its name or id")
	cmd.Flags().StringSliceVar(&f.Types, "type", nil, "only of this type: message, message.created or member.*; may be repeated")
	return cmd
}

func newStats(env *environment) *cobra.Command {
	var q analytics.Question
	var o analytics.Options
	since := cli.Time{Ago: 28 * 24 * time.Hour}
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show growth, activity, conversations, onboarding and health in numbers",
		Long: `Stats shows each number of a window of whole days, how it changed against as many
days before, and its course. A dash stands for what nobody knows; partial marks
what was not fully watched.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.SetSince(since.Ago, since.Before(time.Now()))
			return env.withNumbers(cmd.Context(), config.ForStats, func(db *store.Store) error {
				return analytics.PrintStats(cmd.Context(), &env.Env, db, q, o)
			})
		},
	}
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, analytics.Markdown, cli.JSON, analytics.CSV)
	flags := cmd.Flags()
	flags.Var(&since, "since", "whole days since then: 28d ago, or a day such as 2026-01-05")
	flags.StringVar(&q.Space, "space", "", "only of this space, by its name or id (default all)")
	flags.BoolVar(&o.Compare, "compare", false, "show the numbers of the window before, too")
	flags.BoolVar(&o.Explain, "explain", false, "say what each number counts")
	flags.StringVar(&o.Pictures, "svg", "", "folder to write the main plots to")
	return cmd
}

func newAnalytics(env *environment) *cobra.Command {
	return env.Group(&cobra.Command{Use: "analytics", Short: "Write the rows of the schema analytics into files, and compute them anew"},
		newAnalyticsExport(env), newAnalyticsRebuild(env))
}

func newAnalyticsExport(env *environment) *cobra.Command {
	var r analytics.Request
	var since, until cli.Time
	var file string
	cmd := &cobra.Command{
		Use:   "export OBJECT",
		Short: "Write the rows of a view such as fct_messages as CSV, JSON lines or Parquet",
		Long: `Export writes the rows of any object of the schema analytics, such as fct_messages,
in no certain order. In CSV, null is nothing and an empty text is "", and what a
spreadsheet would take for a formula begins with an apostrophe. Who exports what
people wrote is in the audit log.`,
		Args: cli.Takes(1, 1, "the name of an object of the schema analytics, such as fct_messages"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(analytics.Formats(), r.Format) {
				return cli.Usage("--format %q: want one of %s", r.Format, strings.Join(analytics.Formats(), ", "))
			}
			r.Object = args[0]
			now := time.Now()
			if since.String() != "" {
				r.Since = since.Before(now)
			}
			if until.String() != "" {
				r.Until = until.Before(now)
			}
			if !r.Until.IsZero() && !r.Since.Before(r.Until) {
				return cli.Usage("--until %q is not after --since", until.String())
			}
			return env.withNumbers(cmd.Context(), config.ForAnalytics, func(db *store.Store) error {
				return analytics.ExportFile(cmd.Context(), &env.Env, db, r, file)
			})
		},
	}
	flags := cmd.Flags()
	flags.Var(&since, "since", "rows since then: 14d or 12h ago, or a time (default all)")
	flags.Var(&until, "until", "rows until then")
	flags.StringVar(&r.Space, "space", "", "only of this space, by its name or id")
	flags.StringVar(&r.Format, "format", "csv", strings.Join(analytics.Formats(), ", "))
	flags.StringVar(&r.Reason, "reason", "", trail.ReasonUsage+", of rows with what people wrote")
	flags.StringVarP(&file, "output", "o", "", "file to write, whole or not at all (default standard output)")
	cli.CompleteFlag(cmd, "format", analytics.Formats())
	return cmd
}

// withNumbers reads the configuration and opens the database for one command, to which
// the rights of a reader are enough.
func (e *environment) withNumbers(ctx context.Context, need config.Need, use func(*store.Store) error) error {
	cfg, err := e.Load(need)
	if err != nil {
		return err
	}
	return withDB(ctx, cfg, analytics.CheckSchema, use)
}
