package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/report"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

func newReactorsRetry(env *environment) *cobra.Command {
	var failed bool
	f := runs.Filter{Outcome: reactors.Failed}
	since := cli.Time{Ago: 24 * time.Hour}
	cmd := &cobra.Command{
		Use:   "retry RUN | --failed",
		Short: "Try runs again that have ended without their effect",
		Long: `Retry gives a run another try, now and by the rule as it is now. What it has
done already isn't done again. With --failed it is all that have failed lately,
such as those of a webhook whose receiver was away, oldest first.`,
		Args: cli.Takes(0, 1, "the number of one run, such as 17, or --failed"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if failed == (len(args) == 1) {
				return cli.Usage("name a run by its number, such as 17, or say --failed for all that have failed: subscriber reactors runs lists them")
			}
			f.Since = since.Before(time.Now())
			var id int64
			if !failed {
				for _, name := range []string{"reactor", "space", "since"} {
					if cmd.Flags().Changed(name) {
						return cli.Usage("--%s goes with --failed", name)
					}
				}
				var err error
				if id, err = runNumber(args[0]); err != nil {
					return err
				}
			}
			return env.withRuns(cmd.Context(), func(cfg config.Config, all *store.Store, db *runs.Runs) (err error) {
				if failed {
					if f.Space, err = resolveSpace(cmd.Context(), all, f.Space); err != nil {
						return err
					}
					if f.Reactor != "" {
						if err := env.checkID(cfg, f.Reactor); err != nil {
							return err
						}
					}
					return env.retryFailed(cmd.Context(), db, f)
				}
				return env.retryRun(cmd.Context(), db, id)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&failed, "failed", false, "all runs that have failed")
	flags.StringVar(&f.Reactor, "reactor", "", "with --failed: only of this rule")
	flags.StringVar(&f.Space, "space", "", "with --failed: only in this space: its name, or what it is called")
	flags.Var(&since, "since", "with --failed: only of events since then: 14d or 12h ago, or a time")
	return cmd
}

func runNumber(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 {
		return 0, cli.Usage("%q is not the number of a run: subscriber reactors runs lists them", s)
	}
	return id, nil
}

func (e *environment) retryRun(ctx context.Context, db *runs.Runs, id int64) error {
	ok, err := db.RetryRun(ctx, id)
	if err != nil {
		return err
	}
	if !ok {
		return whyNotAgain(ctx, db, id)
	}
	e.Print("run %d is tried again as soon as a worker takes it, usually within a second\n", id)
	e.Print("Next: subscriber reactors runs show %d\n", id)
	return nil
}

// whyNotAgain says what became of a run that can't be tried again.
func whyNotAgain(ctx context.Context, db *runs.Runs, id int64) error {
	run, err := db.Run(ctx, id)
	switch {
	case errors.Is(err, runs.ErrNoRun):
		return noRun(id)
	case err != nil:
		return err
	case run.Outcome == reactors.Pending:
		return fmt.Errorf("run %d needs no other try: it is %s", id, report.OutcomeText(run.Outcome, run.Shadow, run.Due))
	}
	return fmt.Errorf("run %d can't be tried again: it is %s, and what it does is done once", id, report.OutcomeText(run.Outcome, run.Shadow, run.Due))
}

func noRun(id int64) error {
	return fmt.Errorf("there is no run %d: subscriber reactors runs lists them", id)
}

// retryFailed looks for all of them before the first is tried again, and may
// fail anew.
func (e *environment) retryFailed(ctx context.Context, db *runs.Runs, f runs.Filter) error {
	var found []int64 // the newest first
	for f.Max = 1000; ; {
		page, err := db.List(ctx, f)
		if err != nil {
			return err
		}
		for _, r := range page {
			found = append(found, r.ID)
		}
		if len(page) < f.Max {
			break
		}
		f.Before = page[len(page)-1].ID
	}
	n := 0
	for _, id := range slices.Backward(found) {
		ok, err := db.RetryRun(ctx, id)
		if err != nil {
			return fmt.Errorf("%s are tried again, the others not: %w", cli.Count(n, "run"), err)
		}
		if ok { // nobody else was faster
			n++
		}
	}
	if n == 0 {
		e.Print("none has failed\n")
		return nil
	}
	e.Print("%s will be tried again, the oldest first and at the usual pace\n", cli.Count(n, "run"))
	e.Print("Next: subscriber reactors list\n")
	return nil
}
