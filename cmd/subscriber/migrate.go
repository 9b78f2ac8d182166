package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

func newMigrate(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date, or show how it stands",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{fmt.Errorf("say migrate up or migrate status")}
		},
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "up",
			Short: "Apply the migrations that are missing",
			Args:  noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				dsn, err := databaseDSN(env)
				if err != nil {
					return err
				}
				return explainConnecting(migrateUp(cmd.Context(), env, dsn))
			},
		},
		&cobra.Command{
			Use:   "status",
			Short: "Show which migrations are applied",
			Args:  noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				dsn, err := databaseDSN(env)
				if err != nil {
					return err
				}
				return explainConnecting(migrationStatus(cmd.Context(), env, dsn))
			},
		},
	)
	return cmd
}

func databaseDSN(env *environment) (string, error) {
	cfg, err := env.load(config.ForMigrate)
	if err != nil {
		return "", err
	}
	return cfg.Database.ConnString()
}

// migrateUp names what it applied: what is applied now and wasn't before.
func migrateUp(ctx context.Context, env *environment, dsn string) error {
	before, err := store.MigrationStatus(ctx, dsn)
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx, dsn); err != nil {
		return err
	}
	var applied int
	for _, m := range before {
		if m.AppliedAt.IsZero() {
			fmt.Fprintln(env.stdout, "applied", m.Name)
			applied++
		}
	}
	if applied == 0 {
		fmt.Fprintln(env.stdout, "nothing to apply: the schema is up to date")
	}
	return nil
}

func migrationStatus(ctx context.Context, env *environment, dsn string) error {
	ms, err := store.MigrationStatus(ctx, dsn)
	if err != nil {
		return err
	}
	for _, m := range ms {
		state := "pending"
		if !m.AppliedAt.IsZero() {
			state = "applied " + m.AppliedAt.UTC().Format("2006-01-02 15:04:05Z")
		}
		fmt.Fprintf(env.stdout, "%-40s %s\n", m.Name, state)
	}
	return nil
}
