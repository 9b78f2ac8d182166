package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
)

func newMigrate(env *environment) *cobra.Command {
	return env.Group(&cobra.Command{Use: "migrate", Short: "Bring the database's schema up to date, or show how it stands"},
		&cobra.Command{
			Use:   "up",
			Short: "Apply the migrations that are missing",
			RunE:  func(cmd *cobra.Command, _ []string) error { return env.withDSN(cmd.Context(), env.migrateUp) },
		},
		&cobra.Command{
			Use:   "status",
			Short: "Show which migrations are applied",
			RunE:  func(cmd *cobra.Command, _ []string) error { return env.withDSN(cmd.Context(), env.migrationStatus) },
		},
	)
}

func (e *environment) withDSN(ctx context.Context, use func(context.Context, string) error) error {
	cfg, err := e.Load(config.ForMigrate)
	if err != nil {
		return err
	}
	dsn, err := cfg.Database.ConnString()
	if err != nil {
		return err
	}
	err = use(ctx, dsn)
	if lacking := privileges.ExplainMigrating(ctx, dsn, err); lacking != nil {
		return cli.WrongConfiguration("%w", lacking)
	}
	return store.ExplainConnecting(err)
}

// migrateUp names what it applied: what is applied now and wasn't before.
func (e *environment) migrateUp(ctx context.Context, dsn string) error {
	dsn, err := roles.AsOwner(ctx, dsn)
	if err != nil {
		return err
	}
	before, err := store.MigrationStatus(ctx, dsn)
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx, dsn); err != nil {
		return err
	}
	if err := roles.Grant(ctx, dsn); err != nil {
		return err
	}
	var applied int
	for _, m := range before {
		if m.AppliedAt.IsZero() {
			e.Print("applied %s\n", m.Name)
			applied++
		}
	}
	if applied == 0 {
		e.Print("nothing to apply: the schema is up to date\n")
	}
	return nil
}

func (e *environment) migrationStatus(ctx context.Context, dsn string) error {
	ms, err := store.MigrationStatus(ctx, dsn)
	if err != nil {
		return err
	}
	for _, m := range ms {
		state := "pending"
		if !m.AppliedAt.IsZero() {
			state = "applied " + m.AppliedAt.UTC().Format("2006-01-02 15:04:05Z")
		}
		e.Print("%-40s %s\n", m.Name, state)
	}
	return nil
}
