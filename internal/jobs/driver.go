package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

// NewInserter returns a River client that inserts jobs and works on none.
func NewInserter(pool *pgxpool.Pool, clock *Clock) (*river.Client[pgx.Tx], error) {
	// Of jobs inserted within the cooldown of others nobody is told: they may be
	// committed after the others have been taken.
	client, err := river.NewClient(newDriver(pool, clock), &river.Config{FetchCooldown: river.FetchCooldownMin})
	if err != nil {
		return nil, fmt.Errorf("create the River client that inserts jobs: %w", err)
	}
	return client, nil
}

// driver is River's driver for pgx. River takes some times from this machine's
// clock and compares them with others that the database has set: when a job is
// due, for how long it has been running, when it ended. The driver converts the
// former into times of the database's clock.
type driver struct {
	*riverpgxv5.Driver
	clock  *Clock
	alarms *alarms
}

func newDriver(pool *pgxpool.Pool, clock *Clock) *driver {
	return &driver{riverpgxv5.New(pool), clock, newAlarms()}
}

// GetExecutor implements riverdriver.Driver.
func (d *driver) GetExecutor() riverdriver.Executor {
	return &executor{d.Driver.GetExecutor(), d.clock, d.alarms}
}

// UnwrapExecutor implements riverdriver.Driver.
func (d *driver) UnwrapExecutor(tx pgx.Tx) riverdriver.ExecutorTx {
	return newExecutorTx(d.Driver.UnwrapExecutor(tx), d.clock, d.alarms)
}

// UnwrapTx implements riverdriver.Driver.
func (d *driver) UnwrapTx(tx riverdriver.ExecutorTx) pgx.Tx {
	if ours, ok := tx.(*executorTx); ok {
		tx = ours.tx
	}
	return d.Driver.UnwrapTx(tx)
}

type executor struct {
	riverdriver.Executor
	clock  *Clock
	alarms *alarms
}

type executorTx struct {
	executor
	tx riverdriver.ExecutorTx
}

func newExecutorTx(tx riverdriver.ExecutorTx, clock *Clock, alarms *alarms) *executorTx {
	return &executorTx{executor{tx, clock, alarms}, tx}
}

// Commit implements riverdriver.ExecutorTx.
func (e *executorTx) Commit(ctx context.Context) error { return e.tx.Commit(ctx) }

// Rollback implements riverdriver.ExecutorTx.
func (e *executorTx) Rollback(ctx context.Context) error { return e.tx.Rollback(ctx) }

// Begin implements riverdriver.Executor.
func (e *executor) Begin(ctx context.Context) (riverdriver.ExecutorTx, error) {
	tx, err := e.Executor.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return newExecutorTx(tx, e.clock, e.alarms), nil
}

// JobInsertFastMany implements riverdriver.Executor.
func (e *executor) JobInsertFastMany(
	ctx context.Context, params *riverdriver.JobInsertFastManyParams,
) ([]*riverdriver.JobInsertFastResult, error) {
	return e.Executor.JobInsertFastMany(ctx, e.inserted(params))
}

// JobInsertFastManyNoReturning implements riverdriver.Executor.
func (e *executor) JobInsertFastManyNoReturning(ctx context.Context, params *riverdriver.JobInsertFastManyParams) (int, error) {
	return e.Executor.JobInsertFastManyNoReturning(ctx, e.inserted(params))
}

// inserted gives a job that has no time of its own the present one.
func (e *executor) inserted(params *riverdriver.JobInsertFastManyParams) *riverdriver.JobInsertFastManyParams {
	converted, now := *params, time.Now()
	converted.Jobs = make([]*riverdriver.JobInsertFastParams, len(params.Jobs))
	for i := range params.Jobs {
		job := *params.Jobs[i]
		if job.CreatedAt == nil {
			job.CreatedAt = &now
		}
		if job.ScheduledAt == nil {
			job.ScheduledAt = &now
		}
		job.CreatedAt, job.ScheduledAt = e.optional(job.CreatedAt), e.optional(job.ScheduledAt)
		converted.Jobs[i] = &job
	}
	return &converted
}

// JobSetStateIfRunningMany implements riverdriver.Executor.
func (e *executor) JobSetStateIfRunningMany(
	ctx context.Context, params *riverdriver.JobSetStateIfRunningManyParams,
) ([]*rivertype.JobRow, error) {
	converted := *params
	converted.ScheduledAt, converted.FinalizedAt = each(params.ScheduledAt, e.optional), each(params.FinalizedAt, e.optional)
	set, err := e.Executor.JobSetStateIfRunningMany(ctx, &converted)
	for _, job := range set {
		if job.State == rivertype.JobStateAvailable { // of later ones JobSchedule tells
			e.alarms.set(job.Queue, job.ScheduledAt.Add(-e.clock.Ahead()))
		}
	}
	return set, err
}

// JobSchedule implements riverdriver.Executor.
func (e *executor) JobSchedule(ctx context.Context, params *riverdriver.JobScheduleParams) ([]*riverdriver.JobScheduleResult, error) {
	converted := *params
	converted.Now = e.optional(params.Now)
	results, err := e.Executor.JobSchedule(ctx, &converted)
	for _, r := range results { // which are compared with this machine's clock again
		r.Job.ScheduledAt = r.Job.ScheduledAt.Add(-e.clock.Ahead())
		if !r.ConflictDiscarded {
			e.alarms.set(r.Job.Queue, r.Job.ScheduledAt)
		}
	}
	return results, err
}

// JobGetStuck implements riverdriver.Executor.
func (e *executor) JobGetStuck(ctx context.Context, params *riverdriver.JobGetStuckParams) ([]*rivertype.JobRow, error) {
	converted := *params
	converted.StuckHorizon = e.clock.Database(params.StuckHorizon)
	stuck, err := e.Executor.JobGetStuck(ctx, &converted)
	for _, job := range stuck { // which are compared with this machine's clock, and come back to JobRescueMany
		job.ScheduledAt = job.ScheduledAt.Add(-e.clock.Ahead())
		if job.AttemptedAt != nil {
			attempted := job.AttemptedAt.Add(-e.clock.Ahead())
			job.AttemptedAt = &attempted
		}
	}
	return stuck, err
}

// JobRescueMany implements riverdriver.Executor.
func (e *executor) JobRescueMany(ctx context.Context, params *riverdriver.JobRescueManyParams) (*struct{}, error) {
	converted := *params
	converted.StuckHorizon = e.clock.Database(params.StuckHorizon)
	converted.ScheduledAt, converted.FinalizedAt = each(params.ScheduledAt, e.clock.Database), each(params.FinalizedAt, e.optional)
	return e.Executor.JobRescueMany(ctx, &converted)
}

// JobDeleteBefore implements riverdriver.Executor.
func (e *executor) JobDeleteBefore(ctx context.Context, params *riverdriver.JobDeleteBeforeParams) (int, error) {
	converted := *params
	for _, horizon := range []*time.Time{
		&converted.CancelledFinalizedAtHorizon, &converted.CompletedFinalizedAtHorizon, &converted.DiscardedFinalizedAtHorizon,
	} {
		*horizon = e.clock.Database(*horizon)
	}
	return e.Executor.JobDeleteBefore(ctx, &converted)
}

// QueueDeleteExpired implements riverdriver.Executor.
func (e *executor) QueueDeleteExpired(ctx context.Context, params *riverdriver.QueueDeleteExpiredParams) ([]string, error) {
	converted := *params
	converted.UpdatedAtHorizon = e.clock.Database(params.UpdatedAtHorizon)
	return e.Executor.QueueDeleteExpired(ctx, &converted)
}

// optional is a time by the database's clock; nil stays nil.
func (e *executor) optional(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	converted := e.clock.Database(*t)
	return &converted
}

func each[T any](list []T, convert func(T) T) []T {
	converted := make([]T, len(list))
	for i, t := range list {
		converted[i] = convert(t)
	}
	return converted
}
