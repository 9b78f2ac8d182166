package catchup

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

const (
	silenceInterval = 15 * time.Minute // between two checks
	silenceTimeout  = 5 * time.Minute
	maxSilences     = 100              // bounds the calls of one check
	lateness        = 10 * time.Minute // how late an event may be without being missing
)

// PeriodicSilenceCheck returns the job that checks silences every 15 minutes.
func PeriodicSilenceCheck() *river.PeriodicJob {
	return jobs.Every(silenceInterval, func(at time.Time) river.JobArgs { return jobs.Silence{At: at} },
		river.InsertOpts{Queue: jobs.QueueSilence, MaxAttempts: 3})
}

// workOnSilences checks silences, and that no gap waits for a job that is gone.
// What fails is tried again by River, and by the next check.
func (r *Reader) workOnSilences(ctx context.Context, _ *river.Job[jobs.Silence]) error {
	lost, lostErr := r.coverage.RequestLostRepairs(ctx)
	if lost > 0 {
		r.opts.Log.Warn("jobs that repair gaps were gone; requested again", zap.Int("gaps", lost))
	}
	report, err := r.CheckSilences(ctx)
	err = errors.Join(lostErr, err)
	if report.Quiet+report.Losses > 0 {
		r.opts.Log.Info("silent spaces checked", zap.Int("quiet", report.Quiet), zap.Int("losses", report.Losses))
	}
	return err
}

// SilenceReport is what a check found.
type SilenceReport struct {
	Quiet  int // spaces in which nothing has happened
	Losses int // spaces of which events are missing
}

// CheckSilences asks Google about each space that has been quiet for longer
// than usual. Missing events become a gap, which a backfill repairs. A space
// that can't be listed is checked again next time.
func (r *Reader) CheckSilences(ctx context.Context) (SilenceReport, error) {
	var report SilenceReport
	now := r.opts.Now()
	silences, err := r.coverage.Silences(ctx, now, maxSilences)
	if err != nil {
		return report, err
	}
	var errs []error
	for _, n := range silences {
		lost, err := r.checkSilence(ctx, n, now)
		switch {
		case ctx.Err() != nil:
			return report, ctx.Err()
		case err != nil && !reactors.IsPermanent(err):
			errs = append(errs, err)
			continue
		case err != nil: // the keeper or a person deals with it
			r.opts.Log.Warn("silent space can't be listed; checked again later", zap.String("space", n.Space), zap.Error(err))
		case lost > 0:
			report.Losses++
			r.opts.Log.Error("events of a space are missing although its subscription is active; backfilling",
				zap.String("space", n.Space), zap.Time("since", n.Since), zap.Int("at_least", lost))
		default:
			report.Quiet++
		}
		if err := r.coverage.SilenceChecked(ctx, n, now); err != nil {
			errs = append(errs, err)
		}
	}
	return report, errors.Join(errs...)
}

// checkSilence asks Google for the first events of a silence, and returns how
// many of them aren't recorded.
func (r *Reader) checkSilence(ctx context.Context, n coverage.Silence, now time.Time) (lost int, err error) {
	through := now.Add(-lateness)
	page, err := r.chat.SpaceEvents(ctx, gchat.EventsQuery{Space: n.Space, Types: r.opts.Types, After: n.Since, Through: through})
	if err != nil || len(page.Events) == 0 {
		return 0, err
	}
	listed := make([]coverage.Event, len(page.Events))
	for i := range page.Events {
		e := &page.Events[i]
		listed[i].ID = e.Name
		if d := delivery(n.Space, e, now); d.Event != nil { // else it is in quarantine, if anywhere
			listed[i].Time = d.Event.Time
		}
	}
	missing, err := r.coverage.Unrecorded(ctx, listed)
	if err != nil || missing == 0 {
		return 0, err
	}
	return missing, r.coverage.SilentLoss(ctx, n.Space, n.Since, through)
}
