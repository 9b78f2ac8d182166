package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
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
			if err := checkSpaces(spaces); err != nil {
				return err
			}
			cfg, err := env.Load(config.ForMembers)
			if err != nil {
				return err
			}
			return explainConnecting(reconcileMembers(cmd.Context(), cfg, spaces, env.Out))
		},
	}
	cmd.Flags().StringSliceVar(&spaces, "space", nil, "only this space, such as spaces/AAQA…; may be repeated (default all that are known or configured)")
	return cmd
}

func reconcileMembers(ctx context.Context, cfg config.Config, spaces []string, out io.Writer) error {
	db, chat, err := openForSpaces(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	defer chat.Close()
	l, err := eventlog.New(db, nil, nil)
	if err != nil {
		return err
	}
	if spaces, err = spacesToRead(ctx, cfg, l, spaces); err != nil {
		return err
	}

	asUser := cfg.Auth.Mode == config.AuthUser || cfg.Auth.Mode == config.AuthImpersonate
	reader := catchup.New(chat, l, coverage.New(db), catchup.Options{AsUser: asUser})
	var total catchup.MembersReport
	var failed int
	for i, space := range spaces {
		r, err := reconcileAll(ctx, reader, space)
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
