// Package worker is the long-running process of `subscriber run`: it records
// every event once, carries out rules once, and keeps the events coming.
//
// # What it promises
//
// A message is acked after its commit, so that a crash at any moment loses
// nothing and repeats nothing. Any number of workers may run on one database.
//
// # What the caller must do
//
// Migrate the database first ([Worker.Run] returns a [*store.SchemaError]
// otherwise), call Run once and [Worker.Close] after it. [Main] does all of that
// but migrate.
//
// # What happens on failure
//
// While Postgres or Google is away, at the start too, the worker waits, holds
// what it has, and reports it in its health answers and metrics; it ends only
// for what waiting can't mend.
//
// # Shutdown
//
// When the context of Run ends, the pull stops first; what is in hand gets
// shutdown_grace to be committed and acked.
package worker

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/option"

	"github.com/spacekeeper/spacekeeper/internal/checkpoints"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/logging"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/quota"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
	"github.com/spacekeeper/spacekeeper/internal/tracing"
)

// Options name functions that the worker calls after each thing it has done,
// from any goroutine. All may be nil, and the pause 0.
type Options struct {
	// Tracer traces events and runs; nil: nothing is traced. Main has its own.
	Tracer trace.Tracer
	// Pacer is that of the process, for all clients of Google's; nil for one of
	// the worker's own.
	Pacer *quota.Pacer

	BreakerPause        time.Duration // as in engine.Options
	MetricsAge          time.Duration // how old metrics of the installation may be; 0 means 10 s
	ObserveDelivery     func(events.Delivery, events.Outcome)
	ObserveRun          func(run reactors.Run, outcome reactors.Outcome, reason string)
	ObserveSubscription func(subscriptions.Action, subscriptions.Result)
	ObserveGap          func(gap coverage.Gap, events int) // a gap that was closed
}

// Worker holds the parts of the process, in the order in which New opens them.
type Worker struct {
	cfg      config.Config
	log      *zap.Logger
	opts     Options
	chat     *gchat.Client
	store    *store.Store
	lookout  *store.Store // one more connection, to look at the database
	runs     *runs.Runs
	coverage *coverage.Coverage
	rollups  *analytics.Rollups
	// checkpoints signs those of the log; nil if the configuration names no key.
	checkpoints *checkpoints.Keeper
	eventLog    *eventlog.Log
	rules       ruleRunner
	pubsub      *ingest.Client
	ingest      *ingest.Worker
	// deliveries measure what ingest does.
	deliveries *deliveryMetrics
	// manager renews subscriptions; keeper is what its passes came to.
	manager  *subscriptions.Manager
	keeper   keeperStatus
	jobs     *river.Client[pgx.Tx]
	progress *jobs.Progress
	health   *healthServer // nil if switched off
	admin    func()        // ends what serves profiles; nil if nothing does
	waiting  waiting
	vitals   vitals
}

// Status tells how the worker stands.
type Status struct {
	// Waiting is why the worker has not begun; nil once it has.
	Waiting error
	Ingest  ingest.Status
	// DatabaseUnanswered is why the database did not answer when it was last asked.
	DatabaseUnanswered error
	// Still says what keeps jobs and reactions from going on.
	Still []string
	// DatabaseAhead is how far the database's clock is ahead of this machine's.
	DatabaseAhead time.Duration
	// LastKeeperPass is when this worker last compared all subscriptions with
	// the configuration; zero before the first time.
	LastKeeperPass time.Time
}

// Main runs a worker until ctx ends: `subscriber run` once its configuration
// is read. The log goes to stderr; it tells the error that Main returns, too.
func Main(ctx context.Context, cfg config.Config, opts Options, getenv func(string) string, stderr io.Writer) error {
	log, err := logging.New(cfg.Log.Level, cfg.Log.Format, stderr)
	if err != nil {
		return err
	}
	defer log.Sync() //nolint:errcheck // stderr of a terminal can't be synced
	if getenv("GOGC") == "" {
		debug.SetGCPercent(ingest.GCPercent)
	}
	log.Info("worker starting", zap.String("version", cli.Version()), zap.String("subscription", cfg.SubscriptionName()))
	tracer, stopTracing, err := tracing.Start(ctx, getenv, cli.Version(), log.Named("tracing"))
	if err != nil {
		return cli.WrongConfiguration("%w", err)
	}
	defer stopTracing()
	opts.Tracer = tracer
	if err := run(ctx, cfg, opts, log); err != nil {
		log.Error("worker ended", zap.Error(err))
		return cli.Logged(err)
	}
	log.Info("worker stopped; all held messages committed")
	return nil
}

func run(ctx context.Context, cfg config.Config, opts Options, log *zap.Logger) error {
	w, err := New(ctx, cfg, log, opts)
	if err != nil && errors.Is(err, ctx.Err()) {
		return nil // it is to stop before it has begun
	}
	if err != nil {
		return err
	}
	defer w.Close()
	return w.Run(ctx)
}

// New reads the rules and prepares the clients. It connects to nothing yet, and
// answers health checks meanwhile.
func New(ctx context.Context, cfg config.Config, log *zap.Logger, opts Options) (_ *Worker, err error) {
	if opts.Pacer == nil {
		opts.Pacer = quota.New(quota.Options{Log: log.Named("quota")})
	}
	w := &Worker{cfg: cfg, log: log, opts: opts}
	w.waiting.because(errStarting)
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if cfg.Health.Addr != "" {
		if w.health, err = startHealth(cfg.Health.Addr, log.Named("health")); err != nil {
			return nil, err
		}
		log.Info("answering health checks", zap.Stringer("addr", w.health.listener.Addr()))
	}
	if cfg.Admin.Addr != "" {
		if w.admin, err = startAdmin(cfg.Admin.Addr, log.Named("admin")); err != nil {
			return nil, err
		}
	}

	if w.chat, err = gchat.Open(ctx, cfg, opts.Pacer); err != nil {
		return nil, err
	}
	dsn, err := cfg.Database.ConnString()
	if err != nil {
		return nil, err
	}
	// What is decided about events goes by Google's clock, as their times do.
	if w.manager, err = openManager(ctx, cfg, log, opts.Pacer); err != nil {
		return nil, err
	}
	w.store, err = store.Open(ctx, dsn, store.Options{MaxConns: cfg.Database.MaxConns, Now: w.manager.Now, Log: log.Named("store")})
	if err != nil {
		return nil, err
	}
	// What is logged of the database's absence, the other says.
	if w.lookout, err = store.Open(ctx, dsn, store.Options{MaxConns: 1, Now: w.manager.Now, Clock: w.store.Clock()}); err != nil {
		return nil, err
	}
	w.runs, w.coverage, w.rollups = runs.New(w.store), coverage.New(w.store), analytics.New(w.store)
	if w.checkpoints, err = checkpoints.New(cfg, w.store, log.Named("checkpoints")); err != nil {
		return nil, cli.WrongConfiguration("%w", err)
	}
	if err := w.openRules(ctx); err != nil {
		return nil, err
	}
	if w.eventLog, err = eventlog.New(w.store, w.rules.set, w.runs); err != nil {
		return nil, err
	}
	if w.pubsub, err = openPubSub(ctx, cfg); err != nil {
		return nil, err
	}
	w.deliveries = newDeliveryMetrics(w.manager.Now)
	ingesting := ingest.Options{
		MaxOutstandingMessages: cfg.PubSub.MaxOutstandingMessages,
		MaxOutstandingBytes:    int(cfg.PubSub.MaxOutstandingBytes),
		Grace:                  cfg.ShutdownGrace,
		Observe:                opts.ObserveDelivery,
		Tracer:                 opts.Tracer,
	}
	w.deliveries.addTo(&ingesting)
	w.ingest = ingest.New(w.pubsub, cfg.SubscriptionName(), w.eventLog, log.Named("ingest"), ingesting)

	queue := jobs.Options{Queues: map[string]int{}, Workers: river.NewWorkers(), Grace: cfg.ShutdownGrace}
	if err := w.addRules(&queue); err != nil {
		return nil, err
	}
	if err := w.addCatchUp(&queue); err != nil {
		return nil, err
	}
	if err := w.addKeeper(&queue); err != nil {
		return nil, err
	}
	w.progress = jobs.NewProgress(queue.Queues)
	queue.Progress = w.progress
	if w.jobs, err = jobs.NewClient(w.store.Pool(), w.store.Clock(), log, queue); err != nil {
		return nil, err
	}
	if w.health != nil {
		w.health.tell(w.Status, w.newMetrics(w.ingest.Status, newInstallationMetrics(w.readInstallation, opts.MetricsAge, log)))
	}
	return w, nil
}

var errStarting = errors.New("starting")

// openPubSub connects to Pub/Sub as the service account, or to the emulator.
func openPubSub(ctx context.Context, cfg config.Config) (*ingest.Client, error) {
	var opts []option.ClientOption
	if cfg.Endpoints.PubSubEmulator == "" {
		var err error
		if opts, err = credentials.ClientOptions(cfg.Auth, "https://www.googleapis.com/auth/pubsub"); err != nil {
			return nil, err
		}
	}
	return ingest.NewClient(ctx, cfg.Project, cfg.Endpoints.PubSubEmulator, opts...)
}

// Run works until ctx ends or a part fails for good; then every part stops,
// the pull first.
func (w *Worker) Run(ctx context.Context) error {
	for _, f := range w.cfg.PublicSecrets() {
		w.log.Warn("secret file readable for anybody on this machine; take the right away from others",
			zap.String("key", f.Key), zap.String("file", f.Path))
	}
	// What the last events led to is counted when nothing else is at work.
	counting, stop := context.WithCancel(context.WithoutCancel(ctx))
	var counted sync.WaitGroup
	counted.Go(func() { w.runs.KeepFlushing(counting) })
	defer counted.Wait()
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	if w.health != nil {
		g.Go(func() error { return w.health.wait(ctx) })
	}
	g.Go(func() error {
		if started, err := w.start(ctx); !started {
			return err
		}
		w.work(ctx, g)
		return nil
	})
	return g.Wait()
}

// work starts the parts that need the database.
func (w *Worker) work(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error { return w.ingest.Run(ctx) })
	g.Go(func() error {
		<-ctx.Done()
		<-w.jobs.Stopped()
		return nil
	})
	g.Go(func() error { return w.maintain(ctx) })
	g.Go(func() error { return w.watchDatabase(ctx) })
	g.Go(func() error { return w.saveHeartbeats(ctx) })
	g.Go(func() error { return w.keepRollups(ctx) })
	g.Go(func() error { return w.sealLog(ctx) })
	if w.checkpoints != nil {
		g.Go(func() error { return w.checkpoints.Run(ctx) })
	}
	g.Go(func() error { return w.watchRules(ctx) })
	g.Go(func() error { return w.watchSchedules(ctx) })
	g.Go(func() error { return w.wakeRuns(ctx) })
	g.Go(func() error {
		provision.Warn(ctx, w.pubsub.SubscriptionAdminClient, provision.OptionsFrom(w.cfg), w.log.Named("provision"))
		return nil
	})
}

// Status may be called at any time.
func (w *Worker) Status() Status {
	s := Status{Waiting: w.waiting.reason(), Ingest: w.ingest.Status(), LastKeeperPass: w.keeper.lastPass()}
	w.vitals.addTo(&s)
	return s
}

// Close releases what New opened, in reverse.
func (w *Worker) Close() {
	if w.health != nil {
		w.health.close()
	}
	if w.admin != nil {
		w.admin()
	}
	if w.manager != nil {
		w.manager.Close()
	}
	if w.pubsub != nil {
		if err := w.pubsub.Close(); err != nil && !errors.Is(err, context.Canceled) {
			w.log.Warn("Pub/Sub client not closed", zap.Error(err))
		}
	}
	w.closeRules()
	if w.lookout != nil {
		w.lookout.Close()
	}
	if w.store != nil {
		w.store.Close()
	}
	if w.chat != nil {
		w.chat.Close()
	}
}
