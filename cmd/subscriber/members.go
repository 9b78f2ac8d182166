package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/members"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

func newReconcileMembers(env *environment) *cobra.Command {
	var spaces []string
	cmd := &cobra.Command{
		Use:   "reconcile-members",
		Short: "Read from Google who is in each space",
		Long: `Reconcile-members lists the members of each space that is known or configured,
and records what events have not told: who was there before anybody watched,
and who came or left unseen. Nobody is greeted for it.

It may run beside the worker, be interrupted and be run again at any time.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, s := range spaces {
				if id, ok := strings.CutPrefix(s, "spaces/"); !ok || id == "" || id == "-" || strings.Contains(id, "/") {
					return &usageError{fmt.Errorf("--space %q is no space: name it as spaces/AAQA…", s)}
				}
			}
			cfg, err := env.load(config.ForMembers)
			if err != nil {
				return err
			}
			return explainConnecting(reconcileMembers(cmd.Context(), cfg, spaces, env.stdout))
		},
	}
	cmd.Flags().StringSliceVar(&spaces, "space", nil, "only this space, such as spaces/AAQA…; may be repeated (default all that are known or configured)")
	return cmd
}

func reconcileMembers(ctx context.Context, cfg config.Config, spaces []string, out io.Writer) error {
	dsn, err := cfg.Database.ConnString()
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, dsn, store.Options{MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	chat, err := gchat.New(ctx, gchat.Options{Endpoint: cfg.Endpoints.Chat})
	if err != nil {
		return err
	}
	defer chat.Close()
	if len(spaces) == 0 {
		if spaces, err = db.Spaces(ctx); err != nil {
			return err
		}
		for _, t := range cfg.Workspace.All() {
			if strings.HasPrefix(t.Target, "spaces/") && t.Target != "spaces/-" {
				spaces = append(spaces, t.Target)
			}
		}
	}
	slices.Sort(spaces)
	spaces = slices.Compact(spaces)
	if len(spaces) == 0 {
		return errors.New("no space is known or configured: name one with --space")
	}

	seeder := members.New(chat, db, members.Options{AsUser: cfg.Auth.Mode == config.AuthUser || cfg.Auth.Mode == config.AuthImpersonate})
	var total members.Result
	var failed int
	for i, space := range spaces {
		r, err := seedAll(ctx, seeder, space)
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted after %d of %d spaces: run it again", i, len(spaces))
		}
		if err != nil {
			failed++
			fmt.Fprintf(out, "%s  failed: %v\n", space, err)
			continue
		}
		total.Listed += r.Listed
		total.Changed += r.Changed
		total.Left += r.Left
		fmt.Fprintf(out, "%s  %s\n", space, summary(r))
	}
	fmt.Fprintf(out, "%d of %d spaces: %s\n", len(spaces)-failed, len(spaces), summary(total))
	if failed > 0 {
		return fmt.Errorf("the members of %d of %d spaces could not be read", failed, len(spaces))
	}
	return nil
}

// seedAll goes on until nobody is left to ask for, or asking helps no more.
func seedAll(ctx context.Context, seeder *members.Seeder, space string) (total members.Result, err error) {
	for {
		r, err := seeder.Seed(ctx, space)
		if err != nil {
			return total, err
		}
		total.Listed = r.Listed
		total.Changed += r.Changed
		total.Left += r.Left
		if r.Unsure == 0 || r.Left == 0 {
			return total, nil
		}
	}
}

func summary(r members.Result) string {
	return fmt.Sprintf("%d members, %d of them new or changed, %d had left", r.Listed, r.Changed, r.Left)
}
