package main

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/analytics"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
)

func newTail(env *environment) *cobra.Command {
	var f analytics.Filter
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print events as they are recorded, until Ctrl-C",
		Long: `Tail prints a line for each event that is recorded from now on, with the names of
people and spaces, and never what people wrote.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.Check(); err != nil {
				return cli.Usage("--type %q: %v", strings.Join(f.Types, ","), err)
			}
			cfg, err := env.Load(config.ForTail)
			if err != nil {
				return err
			}
			return withStore(cmd.Context(), cfg, func(db *store.Store) error { return env.tail(cmd.Context(), db, f) })
		},
	}
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	cmd.Flags().StringVar(&f.Space, "space", "", "only in this space, by its name or id")
	cmd.Flags().StringSliceVar(&f.Types, "type", nil, "only of this type: message, message.created or member.*; may be repeated")
	return cmd
}

func (e *environment) tail(ctx context.Context, db *store.Store, f analytics.Filter) error {
	space, err := resolveSpace(ctx, db, f.Space)
	if err != nil {
		return err
	}
	f.Space = space
	lines := json.NewEncoder(e.JSONOut())
	lines.SetEscapeHTML(false)
	return analytics.Follow(ctx, db, func(one analytics.Event) error {
		switch {
		case !f.Wants(&one):
			return nil
		case e.Format == cli.JSON:
			return lines.Encode(one)
		}
		titles := names.Titles{one.Space: one.SpaceName, one.Actor: one.ActorName}
		late := ""
		if lag := one.ReceivedAt.Sub(one.Time); one.Origin != "live" || lag > time.Minute {
			late = "  (" + one.Origin + ", " + cli.ShortDuration(lag) + " later)"
		}
		e.Print("%s  %-18s  %s  %s  %s%s\n", one.Time.Format(time.DateTime), one.Type,
			cmp.Or(titles.With(one.Space), "-"), cmp.Or(titles.With(one.Actor), "-"),
			strings.TrimPrefix(one.Resource, one.Space+"/"), late)
		return nil
	}, func(err error) { e.Say("%v; waiting for it", err) })
}
