package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
)

type planFlags struct {
	exitCode bool
	out      string
	prune    bool
}

func newPlan(env *environment) *cobra.Command {
	var flags planFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would do, after Google has validated it",
		Long: `Compare the configuration with the subscriptions that Google has, and show
what apply would do. Google is asked to validate every subscription that would
be created or changed, so that missing rights show here. Nothing is changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.plan(cmd.Context(), flags) },
	}
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
	refusals, err := document.Validate(ctx, &e.Env, s.manager, actions)
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
