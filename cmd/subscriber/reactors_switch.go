package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

func newReactorsPause(env *environment) *cobra.Command {
	var all bool
	var reason string
	cmd := &cobra.Command{
		Use:   "pause ID | --all",
		Short: "Pause a rule, or all rules",
		Long: `Pause stops a rule before its next attempt, wherever a worker runs. Runs are
planned as before, and wait. What is too old when the rule is resumed isn't
done any more.`,
		Args: cli.Takes(0, 1, aRule),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.withSwitch(cmd.Context(), args, all, func(cfg config.Config, db *runs.Runs, reactor string) error {
				if !all {
					if err := env.checkID(cfg, reactor); err != nil {
						return err
					}
				}
				if !cmd.Flags().Changed("reason") {
					var err error
					if reason, err = reasonSoFar(cmd.Context(), db, reactor); err != nil {
						return err
					}
				}
				if err := db.Pause(cmd.Context(), reactor, reason); err != nil {
					return err
				}
				env.Print("paused: %s; no attempt begins from now on, those under way end within seconds\n", whichRules(reactor))
				env.Print("Next: subscriber reactors resume %s\n", flagFor(reactor))
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all rules")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the others")
	return cmd
}

func newReactorsResume(env *environment) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "resume ID | --all",
		Short: "Let a rule's runs, or those of all rules, go on",
		Long: `Resume ends a pause. A rule that was paused by itself stays so when --all ends,
and the other way round.`,
		Args: cli.Takes(0, 1, aRule),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.withSwitch(cmd.Context(), args, all, func(_ config.Config, db *runs.Runs, reactor string) error {
				switches, err := db.Switches(cmd.Context())
				if err != nil {
					return err
				}
				released, err := db.Resume(cmd.Context(), reactor)
				if err != nil {
					return err
				}
				env.tellResumed(reactor, released, switches)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "end the pause of all rules")
	return cmd
}

// withSwitch opens the runs to switch a rule, or all of them.
func (e *environment) withSwitch(
	ctx context.Context, args []string, all bool, use func(cfg config.Config, db *runs.Runs, reactor string) error,
) error {
	reactor, err := switched(args, all)
	if err != nil {
		return err
	}
	if all {
		reactor = runs.AllReactors
	}
	return e.withRuns(ctx, func(cfg config.Config, _ *store.Store, db *runs.Runs) error { return use(cfg, db, reactor) })
}

// reasonSoFar is why a rule is paused already, which to pause it once more
// doesn't change; "" if it isn't, or nobody said.
func reasonSoFar(ctx context.Context, db *runs.Runs, reactor string) (string, error) {
	switches, err := db.Switches(ctx)
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(switches, func(s runs.Switch) bool { return s.Reactor == reactor }); i >= 0 {
		return switches[i].Reason, nil
	}
	return "", nil
}

// tellResumed says what goes on now, and what doesn't, by what was paused
// before.
func (e *environment) tellResumed(reactor string, released int, before []runs.Switch) {
	var was, all bool
	var others []string
	for _, s := range before {
		switch s.Reactor {
		case reactor:
			was = true
		case runs.AllReactors:
			all = true
		default:
			others = append(others, s.Reactor)
		}
	}
	switch {
	case was:
		e.Print("resumed: %s; %s that waited go on within a second\n", whichRules(reactor), cli.Count(released, "run"))
	case reactor == runs.AllReactors:
		e.Print("pause --all was not in force\n")
	default:
		e.Print("%s was not paused by itself\n", reactor)
	}
	switch {
	case all:
		e.Print("Next: subscriber reactors resume --all: all rules are paused still\n")
	case reactor == runs.AllReactors && len(others) > 0:
		e.Print("Next: subscriber reactors resume ID, for what is paused by itself: %s\n", strings.Join(others, ", "))
	}
}

// aRule is the argument of commands about one rule or all.
const aRule = "the id of one rule, such as welcome, or --all"

// switched is the rule that is meant.
func switched(args []string, all bool) (string, error) {
	switch {
	case all && len(args) > 0:
		return "", cli.Usage("name a rule, such as welcome, or say --all, not both")
	case !all && len(args) == 0:
		return "", cli.Usage("name a rule, such as welcome, or say --all: subscriber reactors list shows them")
	}
	return arg(args), nil
}

// checkID finds typing errors: to pause what isn't there would stop nothing.
// A rule with a mistake must not stand in the way of stopping it.
func (e *environment) checkID(cfg config.Config, id string) error {
	set, err := e.rules(cfg)
	if err == nil && len(set.Rules()) > 0 {
		return knownRule(set, id)
	}
	fmt.Fprintf(e.Err, "subscriber: the rules can't be read here, so it isn't known whether there is a reactor %q\n", id)
	return nil
}

func whichRules(reactor string) string {
	if reactor == runs.AllReactors {
		return "all rules"
	}
	return reactor
}

func flagFor(reactor string) string {
	if reactor == runs.AllReactors {
		return "--all"
	}
	return reactor
}

// arg is the argument, or "".
func arg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
