package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/report"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

func newReactorsList(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the rules, and their outcomes in the last 24 hours",
		Long: `List shows the rules of the file with what they came to. Beside a file with
mistakes it shows those of which something is recorded.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.Load(config.ForReactors)
			if err != nil {
				return err
			}
			set, err := env.rules(cfg)
			if wrong := new(rules.Error); errors.As(err, &wrong) {
				env.Say("the rules have %s, so that only those are listed of which something is recorded; subscriber reactors lint shows them",
					cli.Count(len(wrong.Mistakes), "mistake"))
			} else if err != nil {
				return err
			}
			return withStore(cmd.Context(), cfg, func(db *store.Store) error {
				list, err := listRules(cmd.Context(), set, runs.New(db))
				if err != nil {
					return err
				}
				return report.Rules(&env.Env, list, titlesOf(cmd.Context(), db))
			})
		},
	}
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	return cmd
}

// listRules lists the rules of the file, or without one those that are known from
// what they did.
func listRules(ctx context.Context, set *rules.Set, db *runs.Runs) ([]report.Rule, error) {
	counts, err := db.OutcomeCounts(ctx, time.Now().Add(-24*time.Hour))
	if err != nil {
		return nil, err
	}
	switches, err := db.Switches(ctx)
	if err != nil {
		return nil, err
	}
	list := []report.Rule{}
	if set != nil {
		for _, r := range set.Rules() {
			list = append(list, report.RuleOf(r, time.Now()))
		}
	} else {
		for _, c := range counts {
			if !slices.ContainsFunc(list, func(l report.Rule) bool { return l.ID == c.Reactor }) {
				list = append(list, report.Rule{ID: c.Reactor})
			}
		}
	}
	for i := range list {
		l := &list[i]
		l.Outcomes = map[reactors.Outcome]int64{}
		for _, c := range counts {
			if c.Reactor == l.ID {
				l.Outcomes[c.Outcome] += c.Count
			}
		}
		for _, s := range switches {
			if s.Reactor == runs.AllReactors || s.Reactor == l.ID {
				l.Paused = &report.Paused{Since: s.PausedAt.UTC(), Reason: s.Reason, All: s.Reactor == runs.AllReactors}
			}
		}
	}
	return list, nil
}
