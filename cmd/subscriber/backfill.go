package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
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
			if err := checkSpaces(spaces); err != nil {
				return err
			}
			cfg, err := env.Load(config.ForPast)
			if err != nil {
				return err
			}
			return explainConnecting(runBackfill(cmd.Context(), cfg, spaces, since, env.Out))
		},
	}
	cli.DurationFlag(cmd.Flags(), &since, "since", catchup.Kept, "how far back, such as 28d or 12h", catchup.CheckPast)
	cmd.Flags().StringSliceVar(&spaces, "space", nil, "only this space, such as spaces/AAQA…; may be repeated (default all that are known or configured)")
	return cmd
}

func runBackfill(ctx context.Context, cfg config.Config, spaces []string, since time.Duration, out io.Writer) error {
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
	covered := coverage.New(db)
	reader := catchup.New(chat, l, covered, catchup.Options{Types: subscriptions.EventTypesOf(cfg), Overlap: cfg.Backfill.Overlap})
	to := time.Now().UTC()
	from := to.Add(-since)

	var seen, recorded, failed int
	for i, space := range spaces {
		b, err := fillOne(ctx, covered, reader, catchup.Range{Space: space, From: from, To: to}, out)
		seen, recorded = seen+b.Seen, recorded+b.Recorded
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted after %d of %d spaces: run it again, and it goes on", i, len(spaces))
		case err != nil:
			failed++
			fmt.Fprintf(out, "%s  failed: %v\n", space, err)
		default:
			fmt.Fprintf(out, "%s  %d events, %d of them new\n", space, b.Seen, b.Recorded)
		}
	}
	fmt.Fprintf(out, "%d of %d spaces since %s: %d events, %d of them new\n",
		len(spaces)-failed, len(spaces), from.Format(time.RFC3339), seen, recorded)
	if failed > 0 {
		return fmt.Errorf("the past of %d of %d spaces could not be fetched", failed, len(spaces))
	}
	return nil
}

// reportEvery is how often the progress in a long space is told.
const reportEvery = 5 * time.Second

func fillOne(
	ctx context.Context, covered *coverage.Coverage, reader *catchup.Reader, r catchup.Range, out io.Writer,
) (coverage.Backfill, error) {
	began, told := time.Now(), time.Now()
	first := time.Time{}
	b, err := reader.Fill(ctx, r, func(b coverage.Backfill) {
		if first.IsZero() {
			first = b.Cursor
		}
		if time.Since(told) < reportEvery {
			return
		}
		told = time.Now()
		fmt.Fprintf(out, "%s  %d events, %d of them new, up to %s%s\n",
			r.Space, b.Seen, b.Recorded, b.Cursor.Format(time.DateTime), timeLeft(first, b.Cursor, r.To, time.Since(began)))
	})
	if err != nil {
		return b, err
	}
	return b, covered.Backfilled(ctx, r.Space, r.From, r.To)
}

// timeLeft estimates by the time that has been covered since the first report;
// it says nothing while that is none.
func timeLeft(first, cursor, to time.Time, took time.Duration) string {
	done, left := cursor.Sub(first), to.Sub(cursor)
	if done <= 0 || left <= 0 {
		return ""
	}
	estimate := time.Duration(float64(took) * float64(left) / float64(done))
	return fmt.Sprintf(", about %s left", estimate.Round(time.Second))
}

// openForSpaces opens what commands about spaces need.
func openForSpaces(ctx context.Context, cfg config.Config) (*store.Store, *gchat.Client, error) {
	dsn, err := cfg.Database.ConnString()
	if err != nil {
		return nil, nil, err
	}
	db, err := store.Open(ctx, dsn, store.Options{MaxConns: 4})
	if err != nil {
		return nil, nil, err
	}
	if err := db.CheckSchema(ctx); err != nil {
		db.Close()
		return nil, nil, err
	}
	chat, err := gchat.Open(ctx, cfg)
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	return db, chat, nil
}

var errNoSpace = errors.New("no space is known or configured: name one with --space")
