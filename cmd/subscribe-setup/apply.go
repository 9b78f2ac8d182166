package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func newApply(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "apply",
		Short: "Create what is missing of one subscription per configured space",
		Long: `Create what is missing of one subscription per configured space, and change
event types that differ. Nothing is deleted or replaced; applying again changes
nothing.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return env.apply(cmd) },
	}
}

func (e *environment) apply(cmd *cobra.Command) error {
	cfg, manager, err := e.open(cmd.Context(), config.ForApply)
	if err != nil {
		return err
	}
	defer manager.Close()
	results, err := manager.Apply(cmd.Context(), subscriptions.DesiredFrom(cfg))
	rows := make([]row, 0, len(results))
	for _, r := range results {
		rows = append(rows, rowOf(r.Scope, string(r.Outcome), r.Subscription, r.Err))
	}
	if results != nil {
		err = errors.Join(e.print(rows), err)
		e.say("%s", summary(results))
	}
	if err != nil {
		return err
	}
	e.say("Next: subscriber run. A subscription ends when it expires; apply then creates it anew.")
	return nil
}

// summary counts the outcomes, in the order of their severity.
func summary(results []subscriptions.Result) string {
	count := map[subscriptions.Outcome]int{}
	for _, r := range results {
		count[r.Outcome]++
	}
	var parts []string
	for _, o := range []subscriptions.Outcome{
		subscriptions.Created, subscriptions.Adopted, subscriptions.Updated, subscriptions.Unchanged, subscriptions.Failed,
	} {
		if count[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[o], o))
		}
	}
	return strings.Join(parts, ", ")
}
