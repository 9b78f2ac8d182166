package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func newDelete(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "delete SUBSCRIPTION|TARGET…",
		Short: "Delete subscriptions, named as subscriptions/… or by what they watch",
		Long: `Delete subscriptions, named as subscriptions/… or by what they watch: spaces/…,
users/… or customers/…. The worker creates again what is configured: take it
out of the configuration first.`,
		Args: usageArgs(subscriptionArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.forEach(cmd.Context(), args, func(ctx context.Context, s *session, found *subscriptions.Subscription) (subscriptionRow, error) {
				_, err := s.manager.Delete(ctx, found.Name)
				row := subscriptionRow{Outcome: string(subscriptions.Pruned), Scope: found.Scope(), Subscription: found.Name}
				return row, err
			})
		},
	}
}

// subscriptionArgs accepts names of subscriptions and of what they watch.
func subscriptionArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.MinimumNArgs(1)(cmd, args); err != nil {
		return err
	}
	for _, name := range args {
		kind, id, _ := strings.Cut(name, "/")
		switch kind {
		case "subscriptions", "spaces", "users", "customers":
			if id != "" && !strings.Contains(id, "/") {
				continue
			}
		}
		return fmt.Errorf("%q is neither subscriptions/… nor spaces/…, users/… or customers/…", name)
	}
	return nil
}

// forEach does something by hand to each of the named subscriptions. One
// failure doesn't stop the others.
func (e *environment) forEach(ctx context.Context, names []string,
	do func(context.Context, *session, *subscriptions.Subscription) (subscriptionRow, error),
) error {
	s, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	rows, failures := []subscriptionRow{}, []error(nil)
	for _, name := range names {
		found, err := s.manager.Find(ctx, name)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		row, err := do(ctx, s, found)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		row.DisplayName = s.directory.names(ctx)[row.Scope]
		rows = append(rows, row)
	}
	return errors.Join(append(failures, e.showSubscriptions(rows))...)
}
