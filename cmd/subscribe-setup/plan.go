package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

type planFlags struct {
	exitCode bool
	out      string
	prune    bool
	none     bool
	sample   int
}

func newPlan(env *environment) *cobra.Command {
	var flags planFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would do, after Google has validated it",
		Long: `Compare the configuration with the subscriptions that Google has, and show
what apply would do. Google is asked to validate every subscription that would
be created or changed, so that missing rights show here. Nothing is changed.

Google allows 100 changes a minute, and as many validations. --validate-sample asks about some
only, always the same ones; --no-validate about none. With --out, a plan that is
interrupted goes on where it was when the same is run again.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch sampled := cmd.Flags().Changed("validate-sample"); {
			case sampled && flags.none:
				return cli.Usage("--validate-sample and --no-validate exclude each other: one asks about some, the other about none")
			case sampled && flags.sample < 1:
				return cli.Usage("--validate-sample %d: want 1 or more, such as 20", flags.sample)
			case !sampled && !flags.none:
				flags.sample = int(report.All)
			}
			return env.plan(cmd.Context(), flags)
		},
	}
	env.QuietFlag(cmd)
	cmd.Flags().BoolVar(&flags.none, "no-validate", false, "don't have Google validate anything")
	cmd.Flags().IntVar(&flags.sample, "validate-sample", 0, "have Google validate so many changes only")
	cmd.Flags().BoolVar(&flags.exitCode, "detailed-exitcode", false, "exit with 2 if there is something to apply")
	cmd.Flags().StringVar(&flags.out, "out", "", "file to write the plan to, for apply")
	cmd.Flags().BoolVar(&flags.prune, "prune", false, "plan to delete subscriptions to the topic that aren't configured")
	return cmd
}

func (e *environment) plan(ctx context.Context, flags planFlags) error {
	s, err := e.open(ctx, config.ForApply)
	if err != nil {
		return err
	}
	defer s.close()
	actions, err := s.plan(ctx, flags.prune)
	if err != nil {
		return err
	}
	e.introduce(ctx, s)
	e.noteDatabase(ctx, s)
	document, err := s.describe(ctx, actions)
	if err != nil {
		return err
	}
	refusals, err := document.Validate(ctx, &e.Env, s.manager, actions, report.Sample(flags.sample), flags.out)
	if err != nil {
		return err
	}
	if err := document.Print(&e.Env); err != nil {
		return err
	}
	if refusals != nil {
		return refusals
	}
	if flags.out != "" {
		if err := document.Write(flags.out); err != nil {
			return err
		}
	}
	switch {
	case document.Pending() == 0:
		e.Say("Next: subscribe-setup status")
		return nil
	case flags.out != "":
		e.Say("Next: subscribe-setup apply %s", flags.out)
	default:
		e.Say("Next: subscribe-setup apply")
	}
	if flags.exitCode {
		return cli.Exit(cli.Pending)
	}
	return nil
}

// introduce says what is talked about, and what of the configuration means
// nothing.
func (e *environment) introduce(ctx context.Context, s *session) {
	if !e.ForPeople() {
		return
	}
	e.Say("Project %s · topic %s · as %s", s.cfg.Project, s.cfg.TopicName(), s.identity())
	spaces, err := s.directory.all(ctx)
	if err != nil {
		return // the resolver has said so, if anybody needed them
	}
	for _, pattern := range s.resolver(ctx).Unmatched(spaces) {
		e.Say("Note: %q matches none of the %d spaces", pattern, len(spaces))
	}
}
