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
	var fresh bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the subscriptions that there are, configured or not",
		Long: `Show the subscriptions that there are, configured or not, as the worker's keeper
last saw them: it sees what is configured, and what delivers to our topic.
--fresh asks Google, which shows all of the Chat app, to other topics as well.
So it is without a database, or where no keeper has looked yet.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.list(cmd.Context(), fresh) },
	}
	freshFlag(cmd, &fresh)
	return cmd
}

func freshFlag(cmd *cobra.Command, fresh *bool) {
	cmd.Flags().BoolVar(fresh, "fresh", false, "ask Google, not the database")
}

func (e *environment) list(ctx context.Context, fresh bool) error {
	s, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	there, err := s.look(ctx, fresh)
	if err != nil {
		return err
	}
	found := there.list
	slices.SortFunc(found, func(a, b subscriptions.Subscription) int { return cmp.Compare(a.Scope(), b.Scope()) })
	names, now := s.names(ctx, there), s.manager.Now()
	rows := make([]report.Row, 0, len(found))
	for i := range found {
		one := &found[i]
		rows = append(rows, report.RowOf(one.Scope(), names[one.Scope()], one, now))
	}
	if err := e.showSubscriptions(rows); err != nil {
		return err
	}
	if e.ForPeople() && !fresh {
		e.Say("Subscriptions %s", report.SightText(there.seen.At, there.why, now))
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
