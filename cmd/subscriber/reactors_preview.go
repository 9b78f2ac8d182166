package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
)

func newReactorsPreview(env *environment) *cobra.Command {
	var o preview.Options
	cmd := &cobra.Command{
		Use:   "preview ID",
		Short: "Show what a rule says, here or to one person",
		Long: `Preview renders each step of a rule for a made-up person, or, with --space, for
the newest event of that space that matches its trigger, and a schedule as of now.
Conditions aren't asked.

With --send-to, messages go to one member of the space, who alone can see them.
They carry new ids, so the rule doesn't count them.`,
		Args: cli.Takes(1, 1, "the id of a rule, such as welcome"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPreview(o); err != nil {
				return err
			}
			needs := []config.Need{config.ForRules}
			if o.Space != "" {
				needs = append(needs, config.ForReactors)
			}
			cfg, err := env.Load(needs...)
			if err != nil {
				return err
			}
			set, err := env.someRules(cfg, "")
			if err != nil {
				return err
			}
			rule, err := knownRule(set, args[0], o.Space)
			if err != nil {
				return err
			}
			return env.preview(cmd.Context(), cfg, set, rule, o)
		},
	}
	cmd.Flags().StringVar(&o.Space, "space", "", "as in this space, by its overrides and its newest event")
	env.QuietFlag(cmd)
	cmd.Flags().StringVar(&o.Member, "member", "", "for this person, such as users/123")
	cmd.Flags().StringVar(&o.SendTo, "send-to", "", "send it to this member of the space, such as users/123, privately")
	return cmd
}

func checkPreview(o preview.Options) error {
	for flag, value := range map[string]string{"--member": o.Member, "--send-to": o.SendTo} {
		if value != "" && !events.IsUser(value) {
			return cli.Usage("%s %q: want a person, such as users/123456789", flag, value)
		}
	}
	if o.Space == "" && o.SendTo != "" {
		return cli.Usage("--send-to needs --space, in which the person can see it")
	}
	if o.Space == "" {
		return nil
	}
	return checkSpaces("space", o.Space)
}

func (e *environment) preview(ctx context.Context, cfg config.Config, set *rules.Set, rule *rules.Rule, o preview.Options) error {
	progress := e.Progress()
	o.Progress = func(from, at, to time.Time) { progress.Reached("looking for an event, ", from, at, to) }
	facts := preview.Sample(rule, o)
	title := names.Titles{}.With
	if o.Space != "" {
		if err := withEventLog(ctx, cfg, func(all *store.Store, db *eventlog.Log) (err error) {
			facts, err = preview.Recorded(ctx, e.Out, set, rule, db, o)
			title = names.Of(ctx, all, o.Space, facts.Member.Name, o.SendTo).With
			return err
		}); err != nil {
			return err
		}
		progress.End()
	}
	requests, err := preview.Show(ctx, e.Out, rule, facts, title)
	if err != nil || o.SendTo == "" {
		return err
	}
	chat, err := gchat.Open(ctx, cfg, nil)
	if err != nil {
		return err
	}
	defer chat.Close()
	return preview.Send(ctx, e.Out, chat, requests, o, title)
}
