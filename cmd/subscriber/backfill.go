package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func newBackfill(env *environment) *cobra.Command {
	var spaces []string
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Fetch what happened in the past, as far as Google keeps it",
		Long: `Backfill lists the past events of each space that is known or configured, and
records those that are missing. Google keeps events for 28 days, and shows
messages and members as they are now. Nobody is greeted for what is fetched.

The worker does the same by itself for each gap that it finds. This command may
run beside it, be interrupted and be run again at any time: it goes on where it
stopped.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.Load(config.ForPast)
			if err != nil {
				return err
			}
			return env.backfill(cmd.Context(), cfg, spaces, since)
		},
	}
	cli.DurationFlag(cmd.Flags(), &since, "since", coverage.Kept, "how far back, such as 28d or 12h", catchup.CheckPast)
	env.QuietFlag(cmd)
	cmd.Flags().StringSliceVar(&spaces, "space", nil, "only this space: its name, such as spaces/AAQA…, or what it is called; may be repeated (default all that are known or configured)")
	return cmd
}

func (e *environment) backfill(ctx context.Context, cfg config.Config, named []string, since time.Duration) error {
	o := catchup.Options{Types: subscriptions.EventTypesOf(cfg), Overlap: cfg.Backfill.Overlap}
	return withCatchUp(ctx, cfg, named, o, func(c catchUp) error {
		to := time.Now().UTC()
		from := to.Add(-since)
		var total coverage.Backfill
		failed, err := e.eachSpace(ctx, c.spaces, func(space string) (string, error) {
			b, err := c.fill(ctx, catchup.Range{Space: space, From: from, To: to}, &e.Env)
			total.Seen += b.Seen
			total.Recorded += b.Recorded
			return recordedText(b), err
		})
		if err != nil {
			return err
		}
		e.Print("%d of %d spaces since %s: %s\n", len(c.spaces)-failed, len(c.spaces), from.Format(time.RFC3339), recordedText(total))
		if failed > 0 {
			return fmt.Errorf("the past of %d of %d spaces could not be fetched", failed, len(c.spaces))
		}
		return nil
	})
}

func recordedText(b coverage.Backfill) string {
	return fmt.Sprintf("%d events, %d of them new", b.Seen, b.Recorded)
}

func (c catchUp) fill(ctx context.Context, r catchup.Range, env *cli.Env) (coverage.Backfill, error) {
	progress := env.Progress()
	defer progress.End()
	b, err := c.reader.Fill(ctx, r, func(b coverage.Backfill) {
		progress.Reached(fmt.Sprintf("%s  %s, ", r.Space, recordedText(b)), r.From, b.Cursor, r.To)
	})
	if err != nil {
		return b, err
	}
	return b, c.covered.Backfilled(ctx, r.Space, r.From, r.To)
}
