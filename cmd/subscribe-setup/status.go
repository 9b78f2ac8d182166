package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

type statusFlags struct {
	fresh    bool
	watch    bool
	interval time.Duration
}

func newStatus(env *environment) *cobra.Command {
	var flags statusFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether everything is watched, and what was seen",
		Long: `Show each configured subscription, how long it lives, what has been recorded of
it and how much of the last 24 hours was seen. Subscriptions are shown as the
worker's keeper last saw them, with the time since then; --fresh asks Google,
which takes a minute of quota for 10,000. Without a database, or where no keeper
has looked yet, Google is asked, and what is recorded is left out. One that is
configured and can't be used is unhealthy.

The exit code is 1 if anything is unhealthy: a subscription that is missing,
suspended, different from the configuration or about to expire, a worker
without a recent heartbeat, or a keeper that hasn't looked for long. Gaps don't affect the exit code: what can be
fetched is being fetched.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.status(cmd.Context(), flags)
		},
	}
	freshFlag(cmd, &flags.fresh)
	cmd.Flags().BoolVar(&flags.watch, "watch", false, "show it again and again, until interrupted")
	cli.DurationFlag(cmd.Flags(), &flags.interval, "interval", 10*time.Second, "pause between two looks of --watch", cli.AtLeast(time.Second))
	return cmd
}

func (e *environment) status(ctx context.Context, flags statusFlags) error {
	s, err := e.open(ctx, config.ForApply)
	if err != nil {
		return err
	}
	defer s.close()
	if !flags.watch {
		return e.showStatus(ctx, s, flags.fresh)
	}
	for {
		if err := e.lookAgain(ctx, s, flags.fresh); err != nil {
			return err
		}
		if e.Wait(ctx, flags.interval) != nil {
			return cli.Exit(cli.Failed) // interrupted, as is usual
		}
	}
}

// lookAgain shows the status in the place of the last one, or below it where
// nothing can be redrawn. What is unhealthy doesn't end the watch.
func (e *environment) lookAgain(ctx context.Context, s *session, fresh bool) error {
	var text strings.Builder
	out := e.Out
	e.Out = &text
	s.checked = false // the database may be there by now, or away
	err := e.showStatus(ctx, s, fresh)
	e.Out = out
	if err != nil && !errors.Is(err, cli.Exit(cli.Failed)) {
		if ctx.Err() != nil {
			return err
		}
		fmt.Fprintln(&text, "subscribe-setup:", cli.Clean(err.Error())) // it may pass
	}
	if e.Redraws {
		fmt.Fprint(e.Out, "\x1b[H\x1b[2J")
	}
	_, err = fmt.Fprint(e.Out, text.String())
	return err
}

func (e *environment) showStatus(ctx context.Context, s *session, fresh bool) error {
	status, err := s.status(ctx, fresh)
	if err != nil {
		return err
	}
	if err := status.Print(&e.Env); err != nil {
		return err
	}
	if !status.Healthy {
		return cli.Exit(cli.Failed)
	}
	return nil
}

// status looks at the database, if there is one, and at Google where that
// doesn't know or fresh is wanted.
func (s *session) status(ctx context.Context, fresh bool) (*report.Status, error) {
	desired, err := s.resolver(ctx).Desired(ctx)
	if err != nil {
		return nil, err
	}
	there, err := s.look(ctx, fresh)
	if err != nil {
		return nil, err
	}
	now := s.manager.Now()
	var recorded *report.Recorded
	db, missing := s.database(ctx)
	if db != nil {
		recorded, missing = report.ReadRecorded(ctx, db, now)
		missing = store.ExplainConnecting(missing)
	}
	status := report.NewStatus(now, s.names(ctx, there), s.compare(desired, there.list, false), recorded)
	status.Sight(there.seen, there.why, s.cfg.Keeper.Interval)
	if missing != nil {
		status.Lack(missing)
	}
	return status, nil
}
