package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/holds"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

func newHold(env *cli.Env, open Open) *cobra.Command {
	var reason string
	add := &cobra.Command{
		Use:   "add spaces/S|users/U --reason REASON",
		Short: "Erase and drop nothing of a space or a person from now on",
		Long: `Add keeps all that happened in a space, or all that a person did and was told, from
being erased or dropped, until the hold is removed. It waits for what is being dropped
just now. It takes the rights of spacekeeper_owner.`,
		Example: `  subscriber audit hold add users/117994873354375860089 --reason "case 2026-17"`,
		Args:    cli.Takes(1, 1, "what to hold: spaces/S or users/U"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return cli.Usage("--reason is missing: say who ordered the hold")
			}
			return changeHold(cmd.Context(), open, args[0], "added", reason, func(ctx context.Context, tx pgx.Tx) error {
				return holds.Add(ctx, tx, args[0], store.Clean(reason))
			})
		},
	}
	add.Flags().StringVar(&reason, "reason", "", "who ordered it, and for what; required")
	remove := &cobra.Command{
		Use:   "remove spaces/S|users/U",
		Short: "End a hold: what it kept may go",
		Args:  cli.Takes(1, 1, "what is held: spaces/S or users/U"),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := changeHold(cmd.Context(), open, args[0], "removed", "", func(ctx context.Context, tx pgx.Tx) error {
				return holds.Remove(ctx, tx, args[0])
			})
			if errors.Is(err, holds.ErrNone) {
				return fmt.Errorf("%s is not held: subscriber audit hold list shows what is", args[0])
			}
			return err
		},
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List what is held, since when and why",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return open(cmd.Context(), config.ForAudit, func(db *store.Store) error { return listHolds(cmd.Context(), env, db) })
		},
	}
	env.FormatFlag(list, list.Flags(), cli.Table, cli.JSON, cli.Name)
	return env.Group(&cobra.Command{
		Use:   "hold",
		Short: "Keep all of a space or a person from being erased and dropped",
	}, add, list, remove)
}

func changeHold(ctx context.Context, open Open, scope, what, reason string, change func(context.Context, pgx.Tx) error) error {
	if !holds.IsScope(scope) {
		return cli.Usage("%q can't be held: name a space, spaces/S, or a person, users/U", scope)
	}
	return open(ctx, config.ForAudit, func(db *store.Store) error {
		ctx, cancel := db.WithTimeout(ctx)
		defer cancel()
		return pgx.BeginFunc(ctx, db.Pool(), func(tx pgx.Tx) error {
			if err := change(ctx, tx); err != nil {
				return err
			}
			return trail.Record(ctx, tx, trail.Action{
				Name: "policy.changed", Target: "legal hold", Reason: reason, Details: map[string]any{"scope": scope, "hold": what},
			})
		})
	})
}

func listHolds(ctx context.Context, env *cli.Env, db *store.Store) error {
	held, err := holds.Read(ctx, db.Pool())
	if err != nil {
		return err
	}
	return cli.Show(env, cli.List[holds.Hold]{
		Rows: held,
		Columns: []cli.Column[holds.Hold]{
			{Title: "HELD", Value: func(h holds.Hold) string { return h.Scope }},
			{Title: "SINCE", Value: func(h holds.Hold) string { return h.Since.UTC().Format(time.DateTime) }},
			{Title: "REASON", Value: func(h holds.Hold) string { return h.Reason }},
		},
		Name: func(h holds.Hold) string { return h.Scope },
	})
}
