package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "subscribe-setup",
		Short: "Set up the Workspace Events subscriptions of your Google Chat spaces",
		Long: `Set up the Workspace Events subscriptions of your Google Chat spaces: plan what
the configuration asks for, apply it, and see that everything is watched. The
worker, subscriber run, keeps them alive.

Exit codes: 0 all went well, 1 something failed or is unhealthy, 2 there is
something to apply (plan --detailed-exitcode), 64 called wrongly, 78 the
configuration has to be changed, 130 interrupted.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(cobra.NoArgs),
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return env.checkFormat()
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprint(env.err, cmd.UsageString())
			return &usageError{errors.New("name a command")}
		},
	}
	root.PersistentFlags().StringVar(&env.configPath, "config", "", "configuration file (default spacekeeper.yaml, if it is there)")
	root.PersistentFlags().StringVarP(&env.format, "output", "o", formatTable, "table, wide, json, yaml or name")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	if err := root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is there: it was defined above
	}
	root.AddCommand(
		newInit(env), newPlan(env), newApply(env), newList(env), newRenew(env), newReactivate(env), newDelete(env),
		newStatus(env), newDoctor(env), newSpaces(env), newVersion(env),
	)
	return root
}

type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() + " (see --help)" }
func (e *usageError) Unwrap() error { return e.err }

// usageArgs makes a complaint about arguments one about the usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}
