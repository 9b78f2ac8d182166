package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
)

func newProjections(env *environment) *cobra.Command {
	return env.Group(&cobra.Command{
		Use:   "projections",
		Short: "Mend the tables of current state",
	}, newProjectionsRebuild(env))
}

func newProjectionsRebuild(env *environment) *cobra.Command {
	var spaces []string
	var after string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Build messages, memberships and reactions anew from the event log",
		Long: `Rebuild takes away what the tables of current state say of a space and replays
its log, up to 5,000 events in a transaction; others that write wait so long.
What the log doesn't hold stays: content that was fetched, and what lists of
members told. Spaces and people gain what is missing. No rule is asked.

It may run beside the worker, be interrupted and be run again at any time.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if after != "" && !events.IsSpace(after) {
				return cli.Usage("--after %q: want a space, such as spaces/AAQAtX4kZ1c", after)
			}
			return env.withLog(cmd.Context(), config.ForProjections, func(db *store.Store, l *eventlog.Log) error {
				named, err := resolveSpaces(cmd.Context(), db, spaces)
				if err != nil {
					return err
				}
				return env.rebuild(cmd.Context(), mend.New(db, l), named, after)
			})
		},
	}
	cmd.Flags().StringSliceVar(&spaces, "space", nil, "only this space: its name, such as spaces/AAQA…, or what it is called; may be repeated (default all)")
	env.QuietFlag(cmd)
	cmd.Flags().StringVar(&after, "after", "", "only spaces that come after this one: where an interrupted rebuild stopped")
	return cmd
}

func (e *environment) rebuild(ctx context.Context, m *mend.Mender, spaces []string, after string) error {
	if len(spaces) == 0 {
		all, err := m.Spaces(ctx, after)
		if err != nil {
			return err
		}
		spaces = append(all, "")
	}
	progress := e.Progress()
	defer progress.End()
	var items, refused int
	for i, space := range spaces {
		m.Told = func(done, of int) { progress.Part("rebuilt", "space", i, len(spaces), done, of) }
		r, err := m.Rebuild(ctx, space)
		switch {
		case ctx.Err() != nil && after == "":
			return fmt.Errorf("%w in the first space: run it again", ctx.Err())
		case ctx.Err() != nil:
			return fmt.Errorf("%w: go on with --after %s", ctx.Err(), after)
		case err != nil:
			return err
		}
		items, refused = items+r.Items, refused+r.Refused
		if space != "" {
			e.Print("%s  %d items\n", space, r.Items)
			after = space
		}
	}
	e.Print("%d items of events replayed, %d refused\n", items, refused)
	if refused > 0 {
		return fmt.Errorf("projections refused %d items: the table unapplied_events says why", refused)
	}
	return nil
}
