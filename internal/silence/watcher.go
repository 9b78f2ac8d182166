// Package silence looks into spaces of which nothing has come for longer than
// they use to be silent.
//
//	store.Silences ─▶ one page of spaceEvents.list ─▶ something unrecorded? ─▶ a gap
//	                                                └▶ nothing: it is just quiet
//
// It promises that a subscription which is ACTIVE and delivers nothing all the
// same is noticed: Google says itself whether something has happened. A space
// is asked about again when its silence has doubled, so that quiet ones cost
// next to nothing.
//
// # What happens on failure
//
// A space that can't be listed is left for the next time, and said so. What is
// missing becomes a gap, which a backfill repairs.
package silence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Interval is the pause between two looks.
const Interval = 15 * time.Minute

// mostChecked bounds the calls of one look, and grace is how late an event may
// be without being missing.
const (
	mostChecked = 100
	grace       = 10 * time.Minute
)

// Options are the settings of a Watcher.
type Options struct {
	Types []string         // of events that can be listed, by Google's full names
	Now   func() time.Time // Google's clock; nil: time.Now
	Log   *zap.Logger      // nil: nothing is logged
}

// Watcher looks into silences. One look at a time is enough.
type Watcher struct {
	chat *gchat.Client
	db   *store.Store
	opts Options
}

// New returns a Watcher.
func New(chat *gchat.Client, db *store.Store, opts Options) *Watcher {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	return &Watcher{chat, db, opts}
}

// Report is what a look found.
type Report struct {
	Quiet  int // spaces in which nothing has happened
	Losses int // spaces of which events are missing
}

// Look looks into the silences that are unusual now.
func (w *Watcher) Look(ctx context.Context) (Report, error) {
	var r Report
	now := w.opts.Now()
	silences, err := w.db.Silences(ctx, now, mostChecked)
	if err != nil {
		return r, err
	}
	var errs []error
	for _, n := range silences {
		lost, err := w.check(ctx, n, now)
		switch {
		case ctx.Err() != nil:
			return r, ctx.Err()
		case err != nil && !reactors.IsPermanent(err):
			errs = append(errs, err)
			continue
		case err != nil: // the keeper or a person will have to do with it
			w.opts.Log.Warn("a silent space can't be looked into", zap.String("space", n.Space), zap.Error(err))
		case lost > 0:
			r.Losses++
			w.opts.Log.Error("events of a space are missing although its subscription is active",
				zap.String("space", n.Space), zap.Time("since", n.Since), zap.Int("at_least", lost))
		default:
			r.Quiet++
		}
		if err := w.db.SilenceChecked(ctx, n, now); err != nil {
			errs = append(errs, err)
		}
	}
	return r, errors.Join(errs...)
}

// check asks Google for the first events of a silence, and returns how many of
// them aren't recorded.
func (w *Watcher) check(ctx context.Context, n store.Silence, now time.Time) (lost int, err error) {
	through := now.Add(-grace)
	page, err := w.chat.SpaceEvents(ctx, gchat.EventsQuery{Space: n.Space, Types: w.opts.Types, After: n.Since, Through: through})
	if err != nil || len(page.Events) == 0 {
		return 0, err
	}
	ids := make([]string, len(page.Events))
	for i, e := range page.Events {
		ids[i] = e.Name
	}
	missing, err := w.db.Unrecorded(ctx, ids)
	if err != nil || len(missing) == 0 {
		return 0, err
	}
	return len(missing), w.db.SilentLoss(ctx, n.Space, n.Since, through)
}

// worker works on jobs.Silence.
type worker struct {
	river.WorkerDefaults[jobs.Silence]
	watcher *Watcher
}

// AddWorkers adds what looks into silences, for jobs of jobs.QueueSilence.
func (w *Watcher) AddWorkers(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, &worker{watcher: w}); err != nil {
		return fmt.Errorf("add the worker for silences: %w", err)
	}
	return nil
}

// Periodic returns the looks.
func Periodic() *river.PeriodicJob {
	return jobs.Every(Interval, func(at time.Time) river.JobArgs { return jobs.Silence{At: at} },
		river.InsertOpts{Queue: jobs.QueueSilence, MaxAttempts: 3})
}

// Timeout implements river.Worker.
func (w *worker) Timeout(*river.Job[jobs.Silence]) time.Duration { return 5 * time.Minute }

// Work implements river.Worker. What fails is tried again with the next look.
func (w *worker) Work(ctx context.Context, _ *river.Job[jobs.Silence]) error {
	r, err := w.watcher.Look(ctx)
	if r.Quiet+r.Losses > 0 {
		w.watcher.opts.Log.Info("silent spaces were looked into", zap.Int("quiet", r.Quiet), zap.Int("losses", r.Losses))
	}
	return err
}
