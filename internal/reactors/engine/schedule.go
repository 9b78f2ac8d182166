package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// Tick claims the runs of schedules that are due.
type Tick struct {
	At time.Time `json:"at"`
}

// Kind implements river.JobArgs.
func (Tick) Kind() string { return "reactor_tick" }

// tickInterval is how often schedules are checked: cron counts in minutes.
const tickInterval = 15 * time.Second

// Periodic returns the job that checks schedules.
func Periodic() *river.PeriodicJob {
	return jobs.Every(tickInterval, func(at time.Time) river.JobArgs { return Tick{At: at} },
		river.InsertOpts{Queue: reactors.Queue, MaxAttempts: 1})
}

// Scheduler is the River worker of ticks. Two at the same time do no harm: each
// time of a rule is claimed once.
type Scheduler struct {
	river.WorkerDefaults[Tick]
	ruleSet  *RuleSet
	runs     *runs.Runs
	eventLog *eventlog.Log
	now      func() time.Time
}

// NewScheduler returns the worker; now is the clock, default time.Now.
func NewScheduler(ruleSet *RuleSet, r *runs.Runs, l *eventlog.Log, now func() time.Time) *Scheduler {
	if now == nil {
		now = time.Now
	}
	return &Scheduler{ruleSet: ruleSet, runs: r, eventLog: l, now: now}
}

// Work implements river.Worker.
func (s *Scheduler) Work(ctx context.Context, _ *river.Job[Tick]) error {
	now := s.now()
	return s.Tick(ctx, now)
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
	var spaces []string
	for _, r := range scheduled { // in the order of the file
		after := seen[r.ID]
		if oldest := now.Add(-min(r.MaxAge, lookBack)).Add(-time.Nanosecond); oldest.After(after) {
			after = oldest
		}
		if next := r.NextTick(after); next.IsZero() || next.After(now) {
			continue
		}
		if spaces == nil {
			if spaces, err = s.eventLog.KnownSpaces(ctx); err != nil {
				return err
			}
		}
		failed = append(failed, s.claimUntil(ctx, set, r, after, now, spaces))
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return s.runs.SaveSchedulesClaimed(ctx, now)
}

// claimUntil claims the runs of a rule's times up to now, several at once.
func (s *Scheduler) claimUntil(ctx context.Context, set *rules.Set, r *rules.Rule, after, now time.Time, spaces []string) (err error) {
	for err == nil && after.Before(now) {
		after, err = s.runs.ClaimSchedule(ctx, r.ID, after, func(after time.Time) ([]reactors.Intent, time.Time) {
			var intents []reactors.Intent
			for len(intents) < maxPlanned {
				if after = r.NextTick(after); after.IsZero() || after.After(now) {
					return intents, now
				}
				intents = append(intents, set.PlanTick(rules.Tick{Rule: r, At: after}, spaces)...)
			}
			return intents, after
		})
	}
	return err
}

// AddWorkers makes s the worker of ticks.
func (s *Scheduler) AddWorkers(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, s); err != nil {
		return fmt.Errorf("register the scheduler: %w", err)
	}
	return nil
}
