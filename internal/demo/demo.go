// Package demo lets the real worker record a simulated Google Workspace, shows
// what happens, and compares what was recorded and sent with what happened.
//
// It needs no Google account: [Run] starts a private Postgres and a simulated
// Workspace, subscribes to its spaces as subscribe-setup does, and runs
// internal/worker. The caller passes options that [Options.Check] accepts. Run
// returns an error if anything differs, or can't be started; whatever it
// started has ended by then.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/logging"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
	"github.com/spacekeeper/spacekeeper/internal/worker"
)

// Options are the settings of a demo.
type Options struct {
	Length   time.Duration // from the start; 0: until interrupted
	Rate     float64       // changes a second
	Spaces   int
	Seed     uint64
	DataDir  string        // "": a temporary one
	Quiet    bool          // no line per event
	History  time.Duration // that is recorded before the demo begins; 0: none
	Sabotage string        // what to break on purpose: "", DropEvent or DoubleWelcome

	namesOnly bool // events tell names only, as those of subscriptions that don't include the resource
}

// The kinds of sabotage.
const (
	DropEvent     = "drop-event"
	DoubleWelcome = "double-welcome"
)

// server is how the database is started; tests start from an image of one.
var server = localpg.Options{Private: true}

// maxSpaces are subscribed to in about half a minute: Google allows 100 such
// calls a minute.
const maxSpaces = 50

// Check returns everything that is wrong with the options, by their flags.
func (o Options) Check() error {
	var errs []error
	if !(o.Rate > 0 && o.Rate <= 10_000) { // nor what is no number
		errs = append(errs, fmt.Errorf("--rate %v: want more than 0 and at most 10000 changes a second, such as 5", o.Rate))
	}
	if o.Spaces < 1 || o.Spaces > maxSpaces {
		errs = append(errs, fmt.Errorf("--spaces %d: want 1 to %d, such as 5", o.Spaces, maxSpaces))
	}
	if o.Length < 0 {
		errs = append(errs, fmt.Errorf("--for %s: want 0s or more, such as 20s", o.Length))
	}
	if o.History != 0 && (o.History < minHistory || o.History > maxHistory) {
		errs = append(errs, fmt.Errorf("--history %s: want 7d to 366d, such as 90d", strictyaml.FormatDuration(o.History)))
	}
	switch o.Sabotage {
	case "", DropEvent, DoubleWelcome:
	default:
		errs = append(errs, fmt.Errorf("--sabotage %q: want %s or %s", o.Sabotage, DropEvent, DoubleWelcome))
	}
	return errors.Join(errs...)
}

//go:embed reactors.yaml
var ruleFile []byte

// The ids of the rules in reactors.yaml.
const (
	ruleWelcome   = "welcome"
	ruleNewcomers = "newcomers"
	ruleTips      = "first-days"
	ruleHelper    = "report-helper"
)

// Run shows a demo on out; the worker logs to stderr.
func Run(ctx context.Context, o Options, out, stderr io.Writer) (err error) {
	started := time.Now()
	screen := newScreen(out, o.Quiet)
	log, err := logging.New("warn", "console", stderr)
	if err != nil {
		return err
	}
	server := server
	server.Dir, server.Memory = o.DataDir, o.Length > 0
	pg, err := localpg.Start(ctx, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pg.Stop()) }()
	if err := store.Migrate(ctx, pg.DSN()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "spacekeeper-demo-")
	if err != nil {
		return fmt.Errorf("create a folder for the demo's rules: %w", err)
	}
	defer os.RemoveAll(dir)
	rules := filepath.Join(dir, "reactors.yaml")
	if err := os.WriteFile(rules, ruleFile, 0o600); err != nil {
		return fmt.Errorf("write the demo's rules: %w", err)
	}
	env, err := newEnvironment(ctx, o, pg.DSN(), rules, log, screen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.workspace.Close()) }()
	took := time.Since(started)
	screen.opening(env, pg.DSN(), took)
	o.Length = max(o.Length-took, o.Length/2) // a slow machine shows something, too

	w := &restartableWorker{config: env.config, log: log, failed: make(chan error, 1), options: worker.Options{
		Pacer:           env.pacer,
		ObserveDelivery: screen.recorded, ObserveRun: screen.ran,
		ObserveSubscription: screen.subscriptionChanged, ObserveGap: screen.gapClosed,
	}}
	if err := w.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := env.play(ctx, o, w, screen); err != nil {
		return err
	}
	report, unknown := env.reconcile(ctx)
	if err := w.stop(); err != nil {
		return err
	}
	screen.summary(env.workspace.Counts())
	switch {
	case unknown != nil && o.Length == 0:
		fmt.Fprintln(out, "stopped before everything was drained; use --for to have it reconciled")
		return nil
	case unknown != nil:
		return unknown
	}
	if err := report.Write(out); err != nil {
		return err
	}
	if !report.Exact() {
		return errors.New("demo: what was recorded or sent differs from what happened")
	}
	if err := verify(context.WithoutCancel(ctx), pg.DSN(), out); err != nil {
		return err
	}
	fmt.Fprintln(out, "exact: nothing lost, nothing twice")
	return nil
}

// verify seals what was recorded last, and says whether all is as it was recorded.
func verify(ctx context.Context, dsn string, out io.Writer) error {
	db, err := store.Open(ctx, dsn, store.Options{MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	log := proofs.New(db)
	if _, err := log.Seal(ctx); err != nil {
		return err
	}
	r, err := log.Verify(ctx, nil, func(uint64, uint64) {})
	if err != nil {
		return err
	}
	if !r.Sound() {
		return fmt.Errorf("demo: the log is not as it was recorded: %s", r.Findings[0])
	}
	fmt.Fprintf(out, "verified: each of %d rows is as it was recorded\n", r.Rows)
	return nil
}
