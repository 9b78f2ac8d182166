package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func newDelete(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "delete SUBSCRIPTION|SPACE…",
		Short: "Delete subscriptions, named as subscriptions/… or by their space as spaces/…",
		Args:  usageArgs(subscriptionArgs),
		RunE:  func(cmd *cobra.Command, args []string) error { return env.delete(cmd, args) },
	}
}

func subscriptionArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.MinimumNArgs(1)(cmd, args); err != nil {
		return err
	}
	for _, name := range args {
		if id, ok := strings.CutPrefix(name, "subscriptions/"); ok && id != "" {
			continue
		}
		if id, ok := strings.CutPrefix(name, "spaces/"); ok && id != "" {
			continue
		}
		return errors.New("\"" + name + "\" is neither subscriptions/… nor spaces/…")
	}
	return nil
}

func (e *environment) delete(cmd *cobra.Command, names []string) error {
	_, manager, err := e.open(cmd.Context())
	if err != nil {
		return err
	}
	defer manager.Close()
	var rows []row
	var failures []error
	for _, name := range names {
		deleted, err := manager.Delete(cmd.Context(), name)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		r := rowOf("", "deleted", &subscriptions.Subscription{Name: deleted}, nil)
		if deleted != name {
			r.Space = name
		}
		rows = append(rows, r)
	}
	if len(rows) > 0 {
		failures = append(failures, e.print(rows))
	}
	return errors.Join(failures...)
}
