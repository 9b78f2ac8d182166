package engine

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// lookInterval is how often schedules are looked at: cron counts in minutes.
const lookInterval = 15 * time.Second

// Scheduler claims the runs of schedules that are due. Two at the same time do no
// harm: each time of a rule is claimed once.
type Scheduler struct {
	ruleSet  *RuleSet
	runs     *runs.Runs
	eventLog *eventlog.Log
	now      func() time.Time
}

// NewScheduler returns one; now is the clock, default time.Now.
func NewScheduler(ruleSet *RuleSet, r *runs.Runs, l *eventlog.Log, now func() time.Time) *Scheduler {
	if now == nil {
		now = time.Now
	}
	return &Scheduler{ruleSet: ruleSet, runs: r, eventLog: l, now: now}
}

// Run looks at schedules every few seconds until ctx ends. Each replica does: as
// jobs, so many looks would write more log than all else that is done while nothing
// happens.
func (s *Scheduler) Run(ctx context.Context, log *zap.Logger) {
	for ctx.Err() == nil {
		err := s.look(ctx, log)
		var unconnected *pgconn.ConnectError // which the store logs
		if err != nil && ctx.Err() == nil && !errors.As(err, &unconnected) {
			log.Warn("schedules not looked at; trying again", zap.Error(err))
		}
		_ = gax.Sleep(ctx, lookInterval) // the loop ends with ctx
	}
}

// look is Tick. If it panics it may do so at each look, and all else must go on.
func (s *Scheduler) look(ctx context.Context, log *zap.Logger) error {
	defer func() {
		if recover() != nil { // its value may quote a text
			log.Error("schedules not looked at; trying again", zap.ByteString("stack", debug.Stack()))
		}
	}()
	return s.Tick(ctx, s.now())
}

const (
	// lookBack bounds how long ago a missed time may be to be made up for.
	lookBack = 24 * time.Hour
	// maxPlanned is from how many intents on a transaction takes no further
	// time of a schedule.
	maxPlanned = 2000
)

// Tick claims the runs of all times of schedules since the last Tick of any
// replica, except for times that are too old to be made up for.
func (s *Scheduler) Tick(ctx context.Context, now time.Time) error {
	set := s.ruleSet.Set()
	scheduled := slices.DeleteFunc(set.Rules(), func(r *rules.Rule) bool { return r.Cron == nil })
	var names []string
	for _, r := range scheduled {
		names = append(names, r.ID)
	}
	seen, err := s.runs.SchedulesClaimed(ctx, names, now)
	if err != nil {
		return err
	}
	var failed []error
	var reach *reactors.Reach
	for _, r := range scheduled { // in the order of the file
		after := seen[r.ID]
		if oldest := now.Add(-min(r.MaxAge, lookBack)).Add(-time.Nanosecond); oldest.After(after) {
			after = oldest
		}
		if next := r.NextTick(after); next.IsZero() || next.After(now) {
			continue
		}
		if reach == nil {
			known, err := s.eventLog.Reach(ctx)
			if err != nil {
				return err
			}
			reach = &known
		}
		failed = append(failed, s.claimUntil(ctx, set, r, after, now, *reach))
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return s.runs.SaveSchedulesClaimed(ctx, now)
}

// claimUntil claims the runs of a rule's times up to now, several at once.
func (s *Scheduler) claimUntil(ctx context.Context, set *rules.Set, r *rules.Rule, after, now time.Time, reach reactors.Reach) (err error) {
	for err == nil && after.Before(now) {
		after, err = s.runs.ClaimSchedule(ctx, r.ID, after, func(after time.Time) ([]reactors.Intent, time.Time) {
			var intents []reactors.Intent
			for len(intents) < maxPlanned {
				if after = r.NextTick(after); after.IsZero() || after.After(now) {
					return intents, now
				}
				intents = append(intents, set.PlanTick(rules.Tick{Rule: r, At: after}, reach)...)
			}
			return intents, after
		})
	}
	return err
}
