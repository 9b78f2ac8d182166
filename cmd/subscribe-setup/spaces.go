package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

func newSpaces(env *environment) *cobra.Command {
	var fresh bool
	list := &cobra.Command{
		Use:   "list",
		Short: "Show the spaces that the Chat app, or the user of auth, is in",
		Long: `Show the spaces that the Chat app, or the user of auth, is in, and whether a
subscription watches each. -o yaml is a piece of the configuration. Direct
messages and group chats in which nobody has written yet aren't shown.
Subscriptions are those that list shows; --fresh asks Google for them, too.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.listSpaces(cmd.Context(), fresh) },
	}
	freshFlag(list, &fresh)
	return env.Group(&cobra.Command{Use: "spaces", Short: "Show the spaces that could be watched"}, list)
}

func (e *environment) listSpaces(ctx context.Context, fresh bool) error {
	s, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	spaces, err := s.directory.all(ctx)
	if err != nil {
		return err
	}
	if e.Format == cli.YAML {
		rows := make([]report.SpaceRow, 0, len(spaces))
		for _, one := range spaces {
			rows = append(rows, report.SpaceRow{Space: one.Name, DisplayName: one.DisplayName, Type: one.Type})
		}
		_, err := fmt.Fprint(e.Out, report.SpacesYAML(rows))
		return err
	}
	there, err := s.look(ctx, fresh)
	if err != nil {
		return err
	}
	desired, err := s.resolver(ctx).Desired(ctx)
	if err != nil {
		return err
	}
	e.noteDatabase(ctx, s)
	rows := report.Spaces(spaces, there.list, desired)
	if err := report.PrintSpaces(&e.Env, rows); err != nil {
		return err
	}
	if len(rows) == 0 {
		e.Say("There are none: add the Chat app to a space (in the space: Apps & integrations), or the user of auth")
	} else if e.ForPeople() {
		e.Say("Next: subscribe-setup spaces list -o yaml, for the configuration, or subscribe-setup plan")
	}
	return nil
}
