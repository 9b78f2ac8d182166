package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/report"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
)

// fileByFlag refuses arguments: a file of rules is named in the same way everywhere.
func fileByFlag(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, got %q: name a file as in --file reactors.yaml", strings.TrimPrefix(cmd.CommandPath(), "subscriber "), args[0])
	}
	return nil
}

func newReactorsLint(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "lint",
		Short: "Look for mistakes in the rules, and for what can hardly be meant",
		Long: `Lint reads the file as the worker does, which takes none with a mistake. It also
shows what is allowed and can hardly be meant. Where a database is configured,
names of spaces in conditions are compared with those that are known.`,
		Args: fileByFlag,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.Load()
			if err != nil {
				return err
			}
			set, err := env.rules(cfg, env.spaceNames(cmd.Context(), cfg)...)
			var wrong *rules.Error
			if err == nil && len(set.Unready) > 0 {
				err = &rules.Error{Mistakes: set.Unready}
			}
			if errors.As(err, &wrong) {
				for _, m := range wrong.Mistakes {
					env.Print("%s\n", m)
				}
				return mistakes(wrong)
			}
			if err != nil {
				return err
			}
			for _, m := range set.Doubts() {
				env.Print("%s\n", m)
			}
			doubts := ""
			if n := len(set.Doubts()); n > 0 {
				doubts = ", " + cli.Count(n, "doubt")
			}
			env.Print("ok%s: %s, %s, hash %s\n", doubts, cli.Count(len(set.Rules()), "rule"), cli.Count(len(set.Tests()), "test"), set.Hash)
			env.Print("Next: subscriber reactors test\n")
			return nil
		},
	}
}

// spaceNames are what the known spaces are called; none where there is no database.
func (e *environment) spaceNames(ctx context.Context, cfg config.Config) (list []string) {
	if cfg.Validate(config.ForReactors) != nil {
		return nil
	}
	err := withStore(ctx, cfg, func(db *store.Store) error {
		known, err := names.Known(ctx, db)
		list = slices.Sorted(maps.Values(known))
		return err
	})
	if err != nil {
		e.Say("names of spaces aren't compared with those that are known: %v", err)
	}
	return list
}

func newReactorsTest(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "test",
		Short: "Run the tests that the file of rules holds",
		Long: `Test plays what each test gives, in virtual time and against nothing but what it
gives: no database and no Chat API are asked, and nothing is sent.`,
		Args: fileByFlag,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.Load()
			if err != nil {
				return err
			}
			set, err := env.soundRules(cfg)
			if err != nil {
				return err
			}
			results, err := replay.Cases(cmd.Context(), set)
			if err != nil {
				return err
			}
			switch failed := report.Cases(&env.Env, results); {
			case failed > 0:
				return fmt.Errorf("%d of %s failed", failed, cli.Count(len(results), "test"))
			case len(results) == 0:
				env.Print("the file holds no tests\n")
			default:
				env.Print("%s passed\n", cli.Count(len(results), "test"))
			}
			return nil
		},
	}
}

func newReactorsSchema(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of the file of rules, for editors",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := env.Load()
			if err != nil {
				return err
			}
			list, err := actions.List(cfg, nil, nil)
			if err != nil {
				return err
			}
			_, err = env.Out.Write(rules.JSONSchema(list))
			return err
		},
	}
}
