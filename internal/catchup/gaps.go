package catchup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

// The time of one attempt at a gap. What isn't done by then goes on in
// another, so that other gaps get a turn.
const (
	backfillBudget  = 2 * time.Minute
	backfillTimeout = backfillBudget + 30*time.Second
)

func (r *Reader) workOnGap(ctx context.Context, job *river.Job[jobs.Backfill]) error {
	err := r.Repair(ctx, job.Args.Gap)
	if err == nil || reactors.IsPermanent(err) {
		return nil
	}
	_, asked := reactors.RetryDelay(err)
	if !asked && (errors.Is(err, errUnfinished) || ctx.Err() != nil) {
		return river.JobSnooze(time.Second) // for whoever works next
	}
	return retry(r.opts.Log.With(zap.Int64("gap", job.Args.Gap)), "gap not repaired; retrying later", job.JobRow, err)
}

// errUnfinished says that the attempt's time is over.
var errUnfinished = errors.New("there is more to fetch")

// Repair fetches the events of a gap and closes it. It leaves a gap alone that is
// closed already, still grows or can't be repaired.
func (r *Reader) Repair(ctx context.Context, id int64) error {
	gap, err := r.coverage.Gap(ctx, id)
	switch {
	case errors.Is(err, coverage.ErrNoGap):
		return nil
	case err != nil:
		return err
	case gap.State != coverage.GapPending:
		return nil
	}
	log := r.opts.Log.With(zap.Int64("gap", id), zap.String("target", gap.Scope), zap.Time("from", gap.From), zap.Time("to", gap.To))
	oldest := r.opts.Now().Add(-coverage.Kept)
	if !gap.To.After(oldest) {
		log.Error("gap can't be repaired; it stays", zap.String("reason", coverage.ReasonTooOld))
		return r.coverage.GapImpossible(ctx, id, coverage.ReasonTooOld)
	}
	spaces, err := r.spacesOf(ctx, gap.Scope)
	if err != nil {
		return err
	}
	budget, cancel := context.WithTimeout(ctx, r.budget)
	defer cancel()
	recorded := 0
	var refused []error
	for _, space := range spaces {
		b, err := r.Fill(budget, Range{Space: space, From: gap.From, To: gap.To, Gap: id}, nil)
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
		log.Error("gap can't be repaired; it stays", zap.String("reason", reason))
		return r.coverage.GapImpossible(ctx, id, reason)
	}
	if err := r.coverage.GapRepaired(ctx, id, oldest, recorded); err != nil {
		return err
	}
	log.Info("gap repaired", zap.Int("events", recorded))
	r.opts.OnRepaired(gap, recorded)
	return nil
}

// spacesOf returns the known spaces that a scope covers.
func (r *Reader) spacesOf(ctx context.Context, scope string) ([]string, error) {
	if events.IsSpace(scope) {
		return []string{scope}, nil
	}
	return r.eventLog.Spaces(ctx)
}

// reasonOf tells people why spaces could not be listed.
func reasonOf(refused []error, spaces int) string {
	if spaces == 1 {
		return refused[0].Error()
	}
	return fmt.Sprintf("%d of %d spaces can't be listed; the first: %s", len(refused), spaces, refused[0])
}
