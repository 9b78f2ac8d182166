package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

func newList(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show all subscriptions of the Chat app, configured or not",
		RunE:  func(cmd *cobra.Command, _ []string) error { return env.list(cmd.Context()) },
	}
}

func (e *environment) list(ctx context.Context) error {
	s, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	found, err := s.manager.List(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b subscriptions.Subscription) int { return cmp.Compare(a.Scope(), b.Scope()) })
	names, now := s.directory.names(ctx), s.manager.Now()
	rows := make([]report.Row, 0, len(found))
	for i := range found {
		one := &found[i]
		rows = append(rows, report.RowOf(one.Scope(), names[one.Scope()], one, now))
	}
	if err := e.showSubscriptions(rows); err != nil {
		return err
	}
	if len(found) == 0 {
		e.Say("There are no subscriptions. Next: subscribe-setup apply")
	}
	return nil
}

func (e *environment) showSubscriptions(rows []report.Row) error {
	return cli.Show(&e.Env, cli.List[report.Row]{
		Rows: rows, Columns: report.Columns(), Name: func(r report.Row) string { return r.Subscription },
	})
}
