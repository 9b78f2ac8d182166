package jobs

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"
)

// Options says which jobs a client works on.
type Options struct {
	Queues   map[string]int // name → how many attempts at once
	Punctual string         // the queue whose jobs mustn't come late by a second
	Workers  *river.Workers
	Periodic []*river.PeriodicJob
	// Grace is how long attempts under way may take when the client stops.
	Grace time.Duration
	// Progress notes the attempts; nil: nobody does.
	Progress *Progress
}

// rescueAfter is when a job that is still running belongs to a worker that is
// gone, unless its kind has a longer Timeout.
const rescueAfter = time.Minute

// NewClient returns the River client for these jobs. Cancel the context given
// to its Start to stop it: it fetches nothing more and lets the attempts
// under way finish within the grace period.
func NewClient(pool *pgxpool.Pool, clock *Clock, log *zap.Logger, opts Options) (*river.Client[pgx.Tx], error) {
	queues := map[string]river.QueueConfig{}
	for name, attempts := range opts.Queues {
		// Jobs are told of when they are inserted and when they become due. Looked
		// for is what nobody has told of: another process may have ended meanwhile.
		// That is most of what an idle worker does.
		looks := 5 * time.Second
		if name == opts.Punctual {
			looks = time.Second
		}
		queues[name] = river.QueueConfig{MaxWorkers: attempts, FetchPollInterval: looks}
	}
	var middleware []rivertype.Middleware
	if opts.Progress != nil {
		middleware = append(middleware, river.WorkerMiddlewareFunc(opts.Progress.work))
	}
	client, err := river.NewClient(newDriver(pool, clock), &river.Config{
		Queues:               queues,
		Workers:              opts.Workers,
		PeriodicJobs:         opts.Periodic,
		Middleware:           middleware,
		JobTimeout:           rescueAfter / 2,
		RescueStuckJobsAfter: rescueAfter,
		SoftStopTimeout:      opts.Grace,
		// The default of 100 ms would hold back a welcome by as much, and cap
		// a queue's rate at its bound every 100 ms.
		FetchCooldown: 10 * time.Millisecond,
		Logger:        slog.New(newRiverLog(log)),
	})
	if err != nil {
		return nil, fmt.Errorf("create the River client: %w", err)
	}
	return client, nil
}

// Every returns a periodic job that River's leader inserts when it takes
// office and then every interval, give or take a tenth: replicas and
// installations that started together drift apart.
func Every(interval time.Duration, args func(at time.Time) river.JobArgs, opts river.InsertOpts) *river.PeriodicJob {
	return river.NewPeriodicJob(jittered(interval), func() (river.JobArgs, *river.InsertOpts) {
		return args(time.Now().UTC()), &opts
	}, &river.PeriodicJobOpts{RunOnStart: true})
}

type jittered time.Duration

func (j jittered) Next(current time.Time) time.Time {
	interval := time.Duration(j)
	return current.Add(interval - interval/10 + rand.N(interval/5+1))
}
