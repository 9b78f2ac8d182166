package backfill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// MaxWorkers is how many gaps are repaired at once by one process. Google's
// quota is for all of them together.
const MaxWorkers = 4

// The time of one attempt; what isn't done by then goes on in another, so that
// other gaps get a turn.
const (
	attemptBudget  = 2 * time.Minute
	attemptTimeout = attemptBudget + 30*time.Second
)

// repairer works on jobs.Backfill.
type repairer struct {
	river.WorkerDefaults[jobs.Backfill]
	filler *Filler
}

// AddWorkers adds what repairs gaps, for jobs of jobs.QueueBackfill.
func (f *Filler) AddWorkers(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, &repairer{filler: f}); err != nil {
		return fmt.Errorf("add the worker for backfills: %w", err)
	}
	return nil
}

// Timeout implements river.Worker.
func (w *repairer) Timeout(*river.Job[jobs.Backfill]) time.Duration { return attemptTimeout }

// Work implements river.Worker.
func (w *repairer) Work(ctx context.Context, job *river.Job[jobs.Backfill]) error {
	f := w.filler
	log := f.opts.Log.With(zap.Int64("gap", job.Args.Gap))
	err := f.Repair(ctx, job.Args.Gap)
	if err == nil || reactors.IsPermanent(err) {
		return nil
	}
	wait, asked := reactors.RetryDelay(err)
	switch {
	case asked:
	case errors.Is(err, errUnfinished):
		return river.JobSnooze(time.Second)
	case ctx.Err() != nil:
		return river.JobSnooze(time.Second) // for whoever runs next
	default:
		wait = jobs.Pause(job.JobRow)
	}
	log.Warn("a gap could not be repaired yet and will be tried again", zap.Duration("retry_in", wait), zap.Error(err))
	// A snooze and not an error: River would give up after a number of errors.
	return river.JobSnooze(wait)
}

// errUnfinished says that the attempt's time is over.
var errUnfinished = errors.New("there is more to fetch")

// Repair fetches what a gap is missing and closes it. A gap that is no more,
// or goes on, or can't be repaired, is left as it is without an error.
func (f *Filler) Repair(ctx context.Context, id int64) error {
	gap, err := f.store.Gap(ctx, id)
	switch {
	case errors.Is(err, store.ErrNoGap):
		return nil
	case err != nil:
		return err
	case gap.State != store.GapPending:
		return nil
	}
	log := f.opts.Log.With(zap.Int64("gap", id), zap.String("scope", gap.Scope), zap.Time("from", gap.From), zap.Time("to", gap.To))
	oldest := f.opts.Now().Add(-Kept)
	if !gap.To.After(oldest) {
		log.Error("a gap can't be repaired", zap.String("reason", store.ReasonTooOld))
		return f.store.GapImpossible(ctx, id, store.ReasonTooOld)
	}
	spaces, err := f.spacesOf(ctx, gap.Scope)
	if err != nil {
		return err
	}
	budget, cancel := context.WithTimeout(ctx, attemptBudget)
	defer cancel()
	recorded := 0
	var refused []error
	for _, space := range spaces {
		b, err := f.Fill(budget, Range{Space: space, From: gap.From, To: gap.To, Gap: id}, nil)
		switch {
		case err == nil:
			recorded += b.Recorded
		case reactors.IsPermanent(err):
			refused = append(refused, err)
		case budget.Err() != nil && ctx.Err() == nil:
			return errUnfinished
		default:
			return err
		}
	}
	if len(refused) > 0 {
		reason := reasonOf(refused, len(spaces))
		log.Error("a gap can't be repaired", zap.String("reason", reason))
		return f.store.GapImpossible(ctx, id, reason)
	}
	if err := f.store.GapRepaired(ctx, id, oldest, recorded); err != nil {
		return err
	}
	log.Info("a gap is repaired", zap.Int("events", recorded))
	f.opts.Observe(gap, recorded)
	return nil
}

// spacesOf returns the spaces that a scope covers, as far as they are known.
func (f *Filler) spacesOf(ctx context.Context, scope string) ([]string, error) {
	if strings.HasPrefix(scope, "spaces/") && scope != "spaces/-" {
		return []string{scope}, nil
	}
	return f.store.Spaces(ctx)
}

// reasonOf says for people why spaces could not be listed.
func reasonOf(refused []error, spaces int) string {
	if spaces == 1 {
		return refused[0].Error()
	}
	return fmt.Sprintf("%d of %d spaces can't be listed; the first: %s", len(refused), spaces, refused[0])
}
