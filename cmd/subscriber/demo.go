package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/logging"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/reconcile"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// demoOptions are the flags of `subscriber demo`.
type demoOptions struct {
	length   time.Duration // 0: until interrupted
	rate     float64       // changes a second
	spaces   int
	seed     uint64
	dataDir  string
	quiet    bool
	sabotage string
}

func newDemo(env *environment) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch the real worker record a simulated Google Workspace",
		Long: `Demo needs no Google account. It starts a private Postgres and a simulated Google
Workspace, subscribes to its spaces with the code of subscribe-setup, runs the
worker of "subscriber run", and lets people talk, join and leave. A subscription
is suspended on stage, and the worker stays away until all have expired: it
finds out what it has missed, and fetches it.

With --for it ends by itself: it compares what was published with what was
recorded and who joined with who was welcomed, prints the table, and exits 1 if
anything differs. --sabotage shows that the comparison can fail.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return cli.WrongUse(err)
			}
			return runDemo(cmd.Context(), env, o)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.length, "for", 0, "end after this long and reconcile (default: until Ctrl-C)")
	f.Float64Var(&o.rate, "rate", 5, "changes a second")
	f.IntVar(&o.spaces, "spaces", 5, "number of spaces")
	f.Uint64Var(&o.seed, "seed", 1, "what people do follows from it; on a kept database, seeds that it has seen are passed over")
	f.StringVar(&o.dataDir, "data-dir", "", "keep the database in this folder (default: a temporary one)")
	f.BoolVar(&o.quiet, "quiet", false, "no line per event")
	f.StringVar(&o.sabotage, "sabotage", "", "break it on purpose: drop-event or double-welcome")
	return cmd
}

// mostSpaces are subscribed to in about half a minute: Google allows 100 such
// calls a minute.
const mostSpaces = 50

func (o demoOptions) check() error {
	var errs []error
	if o.rate <= 0 || o.rate > 10_000 {
		errs = append(errs, fmt.Errorf("--rate %v: want more than 0 and at most 10000 changes a second", o.rate))
	}
	if o.spaces < 1 || o.spaces > mostSpaces {
		errs = append(errs, fmt.Errorf("--spaces %d: want 1 to %d", o.spaces, mostSpaces))
	}
	if o.length < 0 {
		errs = append(errs, fmt.Errorf("--for %s: want a length of time", o.length))
	}
	switch o.sabotage {
	case "", sabotageDrop, sabotageDouble:
	default:
		errs = append(errs, fmt.Errorf("--sabotage %q: want %s or %s", o.sabotage, sabotageDrop, sabotageDouble))
	}
	return errors.Join(errs...)
}

// drainTime is how long the worker may take to finish once the activity has
// ended. Welcomes to one space are two seconds apart.
const drainTime = 2 * time.Minute

func runDemo(ctx context.Context, env *environment, o demoOptions) (err error) {
	started := time.Now()
	screen := newScreen(env.Out, o.quiet)
	log, err := logging.New("warn", "console", env.Err)
	if err != nil {
		return err
	}

	pg, err := localpg.Start(ctx, localpg.Options{Dir: o.dataDir, Private: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pg.Stop()) }()
	if err := store.Migrate(ctx, pg.DSN()); err != nil {
		return err
	}
	rules, err := writeDemoRules()
	if err != nil {
		return err
	}
	defer os.RemoveAll(filepath.Dir(rules))
	stage, err := setStage(ctx, o, pg.DSN(), rules, screen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.workspace.Close()) }()
	screen.opening(stage, pg.DSN(), time.Since(started))

	worker := &understudy{config: stage.config, log: log, failed: make(chan error, 1), hooks: hooks{
		observe: screen.recorded, observeRun: screen.ran, observeKeeper: screen.kept, observeGap: screen.closed,
	}}
	if err := worker.enter(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.leave()) }()

	if err := stage.act(ctx, o, worker, screen); err != nil {
		return err
	}

	report, unknown := stage.reconcile(ctx, worker.worker.store)
	if err := worker.leave(); err != nil {
		return err
	}
	screen.summary(stage.workspace.Counts())
	switch {
	case unknown != nil && o.length == 0:
		fmt.Fprintln(env.Out, "stopped before everything was drained; use --for to have it reconciled")
		return nil
	case unknown != nil:
		return unknown
	}
	if err := report.Write(env.Out); err != nil {
		return err
	}
	if !report.Exact() {
		return errors.New("demo: what was recorded or sent differs from what happened")
	}
	fmt.Fprintln(env.Out, "exact: nothing lost, nothing twice")
	return nil
}

// reconcile waits until the worker has nothing left to do and compares.
func (s *stage) reconcile(ctx context.Context, db *store.Store) (reconcile.Report, error) {
	wait := drainTime
	if ctx.Err() != nil {
		wait = 3 * time.Second // somebody pressed Ctrl-C and waits
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	// The events of what the worker still sends aren't held back any more.
	s.workspace.SetFaults(simulate.Faults{})
	s.workspace.Flush()
	if err := reconcile.Covered(ctx, db.Pool(), time.Now()); err != nil {
		return nil, err
	}
	if err := reconcile.Drain(ctx, db.Pool(), s.workspace.Broker(), s.config.SubscriptionName()); err != nil {
		return nil, err
	}
	report, err := reconcile.Check(ctx, db.Pool(), s.workspace.Truth(), s.config.TopicName(), s.opened, s.workspace.Members)
	if err != nil {
		return nil, err
	}
	effects, err := reconcile.Effects(ctx, db.Pool(), s.workspace.Truth(), s.opened, []string{ruleWelcome, ruleNewcomers, ruleTips})
	if err != nil {
		return nil, err
	}
	return append(report, effects...), nil
}
