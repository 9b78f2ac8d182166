package main

import (
	"github.com/spf13/cobra"
)

func newList(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show all subscriptions of the Chat app, configured or not",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return env.list(cmd) },
	}
}

func (e *environment) list(cmd *cobra.Command) error {
	_, manager, err := e.open(cmd.Context())
	if err != nil {
		return err
	}
	defer manager.Close()
	found, err := manager.List(cmd.Context())
	if err != nil {
		return err
	}
	rows := make([]row, 0, len(found))
	for i := range found {
		s := &found[i]
		rows = append(rows, rowOf(s.Scope(), "", s, nil))
	}
	if err := e.print(rows); err != nil {
		return err
	}
	if len(found) == 0 {
		e.say("There are no subscriptions. Next: subscribe-setup apply")
	}
	return nil
}
