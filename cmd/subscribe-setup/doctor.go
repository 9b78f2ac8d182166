package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/doctor"
	"github.com/spacekeeper/spacekeeper/internal/doctor/readrules"
)

type doctorFlags struct {
	pre     bool
	fresh   bool
	probe   string
	timeout time.Duration
	message bool
}

func newDoctor(env *environment) *cobra.Command {
	var flags doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what keeps events from arriving, and how to mend it",
		Long: `Look at everything that has to be right before an event reaches the database,
and before rules act on it: the configuration, the identity and its scopes, the
APIs, the Chat app, Pub/Sub, the database, the subscriptions, the worker, the
clocks and the rules. Nothing is changed.
What isn't right is shown with the steps that mend it; docs/doctor.md explains
every code. Subscriptions are taken as the worker's keeper saw them lately, if it
did; --fresh asks Google for all.

With --probe a marked message is posted in a space, and doctor waits until the
worker has recorded its event; if it doesn't, it says how far the event got.

With --admin-message nothing is looked at: what the administrator of the Google
Workspace has to approve is printed as a message to forward, filled in.

The exit code is 0 if all is well (warnings are allowed), 1 if something failed
and 78 if the configuration has to be changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case flags.message && (flags.pre || flags.fresh || flags.probe != "" || !env.ForPeople()):
				return cli.Usage("--admin-message goes alone: it prints a text and checks nothing")
			case cmd.Flags().Changed("timeout") && flags.probe == "":
				return cli.Usage("--timeout goes with --probe")
			case flags.pre && flags.probe != "":
				return cli.Usage("--pre and --probe exclude each other: a probe needs everything")
			case flags.fresh && (flags.pre || flags.probe != ""):
				return cli.Usage("--fresh goes without --pre and --probe: --pre looks at no subscriptions, and a probe asks Google by itself")
			case cmd.Flags().Changed("probe") && (config.Target{Target: flags.probe}).Kind() != config.KindSpace:
				return cli.Usage("--probe %q: want a space, such as spaces/AAQAtX4kZ1c", flags.probe)
			case flags.message:
				return env.adminMessage()
			case flags.probe != "":
				return env.probe(cmd.Context(), flags)
			}
			return env.doctor(cmd.Context(), flags)
		},
	}
	cmd.Flags().BoolVar(&flags.pre, "pre", false, "leave out what apply makes")
	freshFlag(cmd, &flags.fresh)
	cmd.Flags().StringVar(&flags.probe, "probe", "", "post a message in this `space` and wait for its event")
	cmd.Flags().BoolVar(&flags.message, "admin-message", false, "print what to forward to the Workspace administrator")
	cli.DurationFlag(cmd.Flags(), &flags.timeout, "timeout", 2*time.Minute, "how long the event of a probe may take", checkTimeout)
	return cmd
}

func checkTimeout(d time.Duration) error {
	if d <= 0 {
		return errors.New("want more than 0s, such as 2m")
	}
	return nil
}

func (e *environment) doctor(ctx context.Context, flags doctorFlags) error {
	opts := doctor.Options{Pre: flags.pre, Fresh: flags.fresh}
	needs := []config.Need{config.ForApply, config.ForWorker}
	if flags.pre {
		needs = needs[:1]
	}
	opts.Config, opts.ConfigErr = e.Load(needs...)
	opts.Rules = func() ([]doctor.Rule, error) { return readrules.Load(opts.Config) }
	report := doctor.Run(ctx, opts)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := report.Print(&e.Env, flags.pre); err != nil {
		return err
	}
	switch {
	case opts.ConfigErr != nil:
		return cli.Exit(cli.Misconfigured)
	case report.Outcome == doctor.Failed:
		return cli.Exit(cli.Failed)
	}
	return nil
}

func (e *environment) adminMessage() error {
	cfg, err := e.Load(config.ForApply)
	if err != nil {
		return err
	}
	var rules []doctor.Rule
	if cfg.Reactors.File != "" {
		if rules, err = readrules.Load(cfg); err != nil {
			return fmt.Errorf("tell what the rules need: %w", err)
		}
	}
	_, err = io.WriteString(e.Out, doctor.AdminMessage(cfg, rules))
	return err
}

func (e *environment) probe(ctx context.Context, flags doctorFlags) error {
	cfg, err := e.Load(config.ForApply, config.ForWorker)
	if err != nil {
		return err
	}
	opts := doctor.ProbeOptions{Config: cfg, Space: flags.probe, Timeout: flags.timeout, Wait: e.Wait}
	if e.Interactive {
		opts.PostManually = func(text string) error {
			e.Say("The Chat app may not post in %s. Please post any message there now, such as:\n  %s", flags.probe, text)
			return nil
		}
	}
	report := doctor.Probe(ctx, opts)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := report.Print(&e.Env); err != nil {
		return err
	}
	if report.Outcome != doctor.OK {
		return cli.Exit(cli.Failed)
	}
	return nil
}
