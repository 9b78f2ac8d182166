package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/config"
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
			cfg, err := env.Load(config.ForMembers)
			if err != nil {
				return err
			}
			return env.reconcileMembers(cmd.Context(), cfg, spaces)
		},
	}
	cmd.Flags().StringSliceVar(&spaces, "space", nil, "only this space: its name, such as spaces/AAQA…, or what it is called; may be repeated (default all that are known or configured)")
	return cmd
}

func (e *environment) reconcileMembers(ctx context.Context, cfg config.Config, named []string) error {
	asUser := cfg.Auth.Mode == config.AuthUser || cfg.Auth.Mode == config.AuthImpersonate
	return withCatchUp(ctx, cfg, named, catchup.Options{AsUser: asUser}, func(c catchUp) error {
		var total catchup.MembersReport
		failed, err := e.eachSpace(ctx, c.spaces, func(space string) (string, error) {
			r, err := reconcileAll(ctx, c.reader, space)
			if err == nil {
				total.Listed += r.Listed
				total.Changed += r.Changed
				total.Left += r.Left
			}
			return summary(r), err
		})
		if err != nil {
			return err
		}
		e.Print("%d of %d spaces: %s\n", len(c.spaces)-failed, len(c.spaces), summary(total))
		if failed > 0 {
			return fmt.Errorf("the members of %d of %d spaces could not be read", failed, len(c.spaces))
		}
		return nil
	})
}

// reconcileAll goes on until nobody is left to ask for, or asking helps no more.
func reconcileAll(ctx context.Context, reader *catchup.Reader, space string) (total catchup.MembersReport, err error) {
	for {
		r, err := reader.ReconcileMembers(ctx, space)
		if err != nil {
			return total, err
		}
		total.Listed = r.Listed
		total.Changed += r.Changed
		total.Left += r.Left
		if !r.Unfinished() {
			return total, nil
		}
	}
}

func summary(r catchup.MembersReport) string {
	return fmt.Sprintf("%d members, %d of them new or changed, %d had left", r.Listed, r.Changed, r.Left)
}
