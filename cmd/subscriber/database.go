package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
)

func newDatabase(env *environment) *cobra.Command {
	var onlyPrint bool
	var named []string
	cmd := &cobra.Command{
		Use:   "roles",
		Short: "Make the roles of the owner, the worker and readers, each with its rights; once more does no harm",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var groups []roles.Group
			for _, text := range named {
				g, err := roles.ParseGroup(text)
				if err != nil {
					return cli.WrongUse(fmt.Errorf("--group: %w", err))
				}
				groups = append(groups, g)
			}
			if onlyPrint {
				env.Print("%s", roles.SQL(groups))
				return nil
			}
			return env.makeRoles(cmd.Context(), groups)
		},
	}
	cmd.Flags().BoolVar(&onlyPrint, "print", false, "print the SQL that does it, and do nothing")
	cmd.Flags().StringArrayVar(&named, "group", nil, "a reader that sees these spaces only: NAME=spaces/A,spaces/B; may be repeated")
	return env.Group(&cobra.Command{Use: "database", Short: "Say who may do what in the database"}, cmd)
}

func (e *environment) makeRoles(ctx context.Context, groups []roles.Group) error {
	cfg, err := e.Load(config.ForMigrate)
	if err != nil {
		return err
	}
	err = withStore(ctx, cfg, func(db *store.Store) error { return roles.CreateTold(ctx, db, groups, e.Say) })
	if refused := (*roles.RefusedError)(nil); errors.As(err, &refused) {
		return cli.WrongConfiguration("%w", err)
	}
	return err
}
