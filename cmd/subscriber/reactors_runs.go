package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/report"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

func newReactorsRuns(env *environment) *cobra.Command {
	var f runs.Filter
	var outcome string
	var since cli.Time
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List what rules decided, for whom, and why",
		Long: `Runs lists runs and evaluations that led to none, the newest first. Evaluations
without a run are sampled hourly; reactors list counts all.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if f.Outcome, err = checkOutcome(outcome); err != nil {
				return err
			}
			if f.Max < 1 {
				return cli.Usage("--limit %d: want 1 or more, such as 50", f.Max)
			}
			if f.Member != "" && !events.IsUser(f.Member) {
				return cli.Usage("--member %q: want a person, such as users/123456789", f.Member)
			}
			if since.String() != "" {
				f.Since = since.Before(time.Now())
			}
			return env.withRuns(cmd.Context(), func(cfg config.Config, all *store.Store, db *runs.Runs) (err error) {
				if f.Space, err = resolveSpace(cmd.Context(), all, f.Space); err != nil {
					return err
				}
				list, err := listRuns(cmd.Context(), db, f)
				if err != nil {
					return err
				}
				if len(list) == 0 && f.Reactor != "" {
					if err := env.checkReactor(cmd.Context(), cfg, db, f.Reactor); err != nil {
						return err
					}
				}
				return report.Runs(&env.Env, list, titlesOf(cmd.Context(), all))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Reactor, "reactor", "", "only of this rule")
	flags.StringVar(&f.Space, "space", "", "only in this space: its name, or what it is called")
	flags.StringVar(&f.Member, "member", "", "only about this person, such as users/123")
	flags.StringVar(&outcome, "outcome", "", "only those that came to this, such as failed")
	flags.Var(&since, "since", "only of events since then: 14d or 12h ago, or a time")
	flags.IntVar(&f.Max, "limit", 50, "how many at most")
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	cmd.AddCommand(newReactorsShow(env))
	return cmd
}

// checkReactor finds typing errors, too: a rule is known if it is in the file, or
// was when something was recorded of it.
func (e *environment) checkReactor(ctx context.Context, cfg config.Config, db *runs.Runs, id string) error {
	once, err := listRuns(ctx, db, runs.Filter{Reactor: id, Max: 1})
	if err != nil || len(once) > 0 {
		return err
	}
	return e.checkID(cfg, id)
}

func listRuns(ctx context.Context, db *runs.Runs, f runs.Filter) ([]report.Evaluated, error) {
	led, err := db.List(ctx, f)
	if err != nil {
		return nil, err
	}
	others, err := db.Evaluations(ctx, f)
	if err != nil {
		return nil, err
	}
	list := make([]report.Evaluated, 0, len(led)+len(others))
	for _, r := range led {
		list = append(list, report.EvaluatedOf(r))
	}
	for _, e := range others {
		list = append(list, report.Evaluated{
			EventTime: e.EventTime.UTC(), Reactor: e.Reactor, Trigger: e.Trigger, Space: e.Space, Member: e.Member,
			Subject: e.Subject, Shadow: e.Shadow, Outcome: e.Outcome, Reason: e.Reason,
		})
	}
	slices.SortStableFunc(list, func(a, b report.Evaluated) int { return b.EventTime.Compare(a.EventTime) })
	return list[:min(len(list), f.Max)], nil
}

func newReactorsShow(env *environment) *cobra.Command {
	var asTest, content bool
	var reason string
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Tell the story of one run",
		Args:  cli.Takes(1, 1, "the number of a run, such as 17 (subscriber reactors runs lists them)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := runNumber(args[0])
			if err != nil {
				return err
			}
			return env.withRuns(cmd.Context(), func(_ config.Config, all *store.Store, db *runs.Runs) error {
				run, err := db.Run(cmd.Context(), id)
				if errors.Is(err, runs.ErrNoRun) {
					return noRun(id)
				}
				if err != nil {
					return err
				}
				if asTest || content {
					if err := trail.Commit(cmd.Context(), all, trail.Action{
						Name: "access.content_viewed", Target: run.Reactor, Space: run.Space, Reason: reason, Details: map[string]any{"run": id},
					}); err != nil {
						return err
					}
				}
				if asTest {
					return env.printAsTest(cmd.Context(), all, db, run)
				}
				return report.Run(&env.Env, run, content, titlesOf(cmd.Context(), all))
			})
		},
	}
	cmd.Flags().BoolVar(&asTest, "as-test", false, "print a test for the file of rules instead; it holds what the event told, texts among it")
	cmd.Flags().BoolVar(&content, "content", false, "show what the event told and what is sent, too: what people wrote is among it")
	cmd.Flags().StringVar(&reason, "reason", "", trail.ReasonUsage+", with --as-test or --content")
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	return cmd
}

// printAsTest prints a test that expects what has become of the run, and of the
// other steps for its subject.
func (e *environment) printAsTest(ctx context.Context, all *store.Store, db *runs.Runs, run reactors.Run) error {
	const needs = reactors.NeedMember | reactors.NeedAffiliation | reactors.NeedWeek | reactors.NeedTop
	known, err := facts.New(all).FactsAsOf(ctx, run, needs, run.Due)
	if err != nil {
		return err
	}
	same, err := db.List(ctx, runs.Filter{Reactor: run.Reactor, Space: run.Space, Member: run.Member, Max: 1000})
	if err != nil {
		return err
	}
	return report.AsTest(&e.Env, run, known, same)
}
