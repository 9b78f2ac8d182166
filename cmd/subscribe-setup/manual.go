package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

func newDelete(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "delete SUBSCRIPTION|TARGET…",
		Short: "Delete subscriptions, named as subscriptions/… or by what they watch",
		Long: `Delete subscriptions, named as subscriptions/… or by what they watch: spaces/…,
users/… or customers/…. The worker creates again what is configured: take it
out of the configuration first.`,
		Args:              subscriptionArgs,
		ValidArgsFunction: env.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.manually(cmd.Context(), args, func(*subscriptions.Subscription) subscriptions.Kind { return subscriptions.Prune })
		},
	}
}

func newRenew(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "renew SUBSCRIPTION|TARGET…|--all",
		Short: "Extend subscriptions to the longest life that Google grants",
		Long: `Extend subscriptions, named as subscriptions/… or by what they watch, to the
longest life that Google grants. The worker does so by itself, when half of a
life is over. One that is suspended stays so: see reactivate.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.manually(cmd.Context(), args, func(*subscriptions.Subscription) subscriptions.Kind { return subscriptions.Renew })
		},
	}
	return allOrArgs(env, cmd)
}

func newReactivate(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reactivate SUBSCRIPTION|TARGET…|--all",
		Short: "End the suspension of subscriptions whose cause is mended",
		Long: `End the suspension of subscriptions, named as subscriptions/… or by what they
watch, and extend their life. Google checks that every cause is mended; one
that isn't is named. What happened while they were suspended was not
delivered: the worker fetches it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.manually(cmd.Context(), args, func(s *subscriptions.Subscription) subscriptions.Kind {
				if s.State != subscriptions.StateSuspended {
					return subscriptions.Keep
				}
				return subscriptions.Reactivate
			})
		},
	}
	return allOrArgs(env, cmd)
}

// allOrArgs takes names, or --all for every subscription to our topic.
func allOrArgs(env *environment, cmd *cobra.Command) *cobra.Command {
	cmd.ValidArgsFunction = env.completeTargets
	all := cmd.Flags().Bool("all", false, "every subscription to the configured topic")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case !*all:
			return subscriptionArgs(cmd, args)
		case len(args) > 0:
			return fmt.Errorf("--all and %q exclude each other: --all means every subscription to the topic", args[0])
		}
		return nil
	}
	return cmd
}

// completeTargets offers what is watched, with the names of spaces. Where it
// can't be had, nothing is offered.
func (e *environment) completeTargets(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	s, err := e.open(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer s.close()
	there, err := s.look(cmd.Context(), false)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, names := there.list, s.names(cmd.Context(), there)
	var offers []cobra.Completion
	for i := range found {
		if scope := found[i].Scope(); !slices.Contains(args, scope) {
			offers = append(offers, cobra.CompletionWithDesc(scope, names[scope]))
		}
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// subscriptionArgs accepts names of subscriptions and of what they watch.
func subscriptionArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s needs a subscription or what it watches, such as spaces/AAQAtX4kZ1c (subscribe-setup list shows them)", cmd.Name())
	}
	for _, name := range args {
		kind, id, _ := strings.Cut(name, "/")
		switch kind {
		case "subscriptions", "spaces", "users", "customers":
			if id != "" && !strings.Contains(id, "/") {
				continue
			}
		}
		return fmt.Errorf("%q is no subscription and nothing that one watches: want subscriptions/…, spaces/…, users/… or customers/…, such as spaces/AAQAtX4kZ1c", name)
	}
	return nil
}

// manually does one thing to each of the named subscriptions, or to all that
// deliver to our topic if none is named. One failure doesn't stop the others.
func (e *environment) manually(ctx context.Context, names []string, kind func(*subscriptions.Subscription) subscriptions.Kind) error {
	var needs []config.Need
	if len(names) == 0 {
		needs = append(needs, config.ForApply)
	}
	s, err := e.open(ctx, needs...)
	if err != nil {
		return err
	}
	defer s.close()
	found, failures, err := s.find(ctx, names)
	if err != nil {
		return err
	}
	actions := make([]subscriptions.Action, 0, len(found))
	for i := range found {
		one := &found[i]
		actions = append(actions, subscriptions.Action{
			Kind: kind(one), Actual: one, Desired: subscriptions.Desired{Scope: one.Scope(), Topic: one.Topic},
		})
	}
	titles := s.directory.names(ctx)
	rows := []report.Row{}
	for r := range s.manager.DoAll(ctx, actions) {
		if r.Err != nil {
			failures = append(failures, r.Err)
			continue
		}
		rows = append(rows, report.ResultRow(r, titles, s.manager.Now()))
	}
	if err := s.wakeKeeper(ctx, rows); err != nil {
		e.Say("Note: the keeper wasn't told, and finds out at its next pass: %s", err)
	}
	return errors.Join(e.showSubscriptions(rows), report.Join(failures))
}

// wakeKeeper has the keeper look at what was changed by hand, where there is a
// database: it saves the states, and has what was missed fetched.
func (s *session) wakeKeeper(ctx context.Context, changed []report.Row) error {
	if len(changed) == 0 {
		return nil
	}
	db, err := s.database(ctx)
	if err != nil || db == nil {
		return err
	}
	return db.RequestPass(ctx)
}

// find reads the named subscriptions, or lists those that deliver to our
// topic. failures are about names that have none.
func (s *session) find(ctx context.Context, names []string) (found []subscriptions.Subscription, failures []error, err error) {
	if len(names) == 0 {
		all, err := s.manager.List(ctx)
		for _, one := range all {
			if one.Topic == s.cfg.TopicName() {
				found = append(found, one)
			}
		}
		return found, nil, err
	}
	for _, name := range names {
		one, err := s.manager.Find(ctx, name)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		found = append(found, *one)
	}
	return found, failures, nil
}
