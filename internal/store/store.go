package store

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// Options are the settings of a Store. The zero value works.
type Options struct {
	MaxConns int              // of the pool; 0: 8
	Timeout  time.Duration    // of one transaction; 0: 10 s. The server gives up a little earlier
	Now      func() time.Time // nil: time.Now
	Log      *zap.Logger      // nil: nothing is logged
	Clock    *jobs.Clock      // what is known of the server's; nil: one of its own
}

// Store is the database. Create it with [Open].
type Store struct {
	pool    *pgxpool.Pool
	clock   *jobs.Clock
	jobs    *river.Client[pgx.Tx]
	timeout time.Duration
	now     func() time.Time
	log     *zap.Logger
	hooks   *hooks
}

// hooks are what the packages above hang on to connections.
type hooks struct {
	mu      sync.Mutex
	connect []func()
	close   []func()
}

// Open returns a Store for the database that dsn names. It connects when the
// first statement needs it, so a database that is away is no error here.
func Open(ctx context.Context, dsn string, opts Options) (*Store, error) {
	opts.MaxConns = cmp.Or(opts.MaxConns, 8)
	opts.Timeout = cmp.Or(opts.Timeout, 10*time.Second)
	opts.Log = cmp.Or(opts.Log, zap.NewNop())
	if opts.Now == nil {
		opts.Now = time.Now
	}
	hooks, clock := &hooks{}, cmp.Or(opts.Clock, &jobs.Clock{})
	pool, err := openPool(ctx, dsn, opts, hooks, clock)
	if err != nil {
		return nil, err
	}
	inserter, err := jobs.NewInserter(pool, clock)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{pool: pool, clock: clock, jobs: inserter, timeout: opts.Timeout, now: opts.Now, log: opts.Log, hooks: hooks}, nil
}

func openPool(ctx context.Context, dsn string, opts Options, hooks *hooks, clock *jobs.Clock) (*pgxpool.Pool, error) {
	config, err := parseAddress(dsn)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(opts.MaxConns)
	config.MaxConnLifetime = 30 * time.Minute // a demoted primary is left at last
	config.MaxConnLifetimeJitter = 5 * time.Minute
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	// The server gives up first, so that the client's deadline, which costs
	// the connection, is the exception.
	params := config.ConnConfig.RuntimeParams
	params["statement_timeout"] = fmt.Sprint((opts.Timeout * 8 / 10).Milliseconds())
	params["idle_in_transaction_session_timeout"] = fmt.Sprint((2 * opts.Timeout).Milliseconds())
	params["default_transaction_isolation"] = "read committed" // the reasoning about locks rests on it
	params["client_encoding"] = "UTF8"                         // whatever the role's setting is
	if params["application_name"] == "" {
		params["application_name"] = "spacekeeper"
	}
	config.ConnConfig.BuildContextWatcherHandler = jobs.NewCanceller
	config.ConnConfig.Tracer = &reach{log: opts.Log}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		conn.TypeMap().RegisterType(utcTimes)
		if err := measure(ctx, conn, clock); err != nil {
			return err
		}
		hooks.mu.Lock()
		defer hooks.mu.Unlock()
		for _, call := range hooks.connect {
			call()
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("create the connection pool: %w", err)
	}
	return pool, nil
}

// utcTimes has all times that are read be in UTC.
var utcTimes = &pgtype.Type{
	Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
}

// Close ends all connections, after the calls under way have returned.
func (s *Store) Close() {
	s.pool.Close()
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	for _, call := range s.hooks.close {
		call()
	}
}

// Attach has connect called whenever a connection is opened, and closed when
// the store closes.
func (s *Store) Attach(connect, closed func()) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.connect, s.hooks.close = append(s.hooks.connect, connect), append(s.hooks.close, closed)
}

// Pool is the store's connection pool, for the packages above, for River's
// workers and for queries that are nobody's business but the caller's.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Jobs inserts River jobs. It works on none.
func (s *Store) Jobs() *river.Client[pgx.Tx] { return s.jobs }

// Clock knows how far the server's clock is ahead, as of the newest connection
// or of [Store.MeasureClock].
func (s *Store) Clock() *jobs.Clock { return s.clock }

// MeasureClock asks the server what time it is.
func (s *Store) MeasureClock(ctx context.Context) error {
	ctx, cancel := s.WithTimeout(ctx)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return measure(ctx, conn, s.clock)
}

// measure needs no prepared statement, so that it works before the pooler is found.
func measure(ctx context.Context, db rowQuerier, clock *jobs.Clock) error {
	var database time.Time
	asked := time.Now()
	if err := db.QueryRow(ctx, `SELECT clock_timestamp()`, pgx.QueryExecModeSimpleProtocol).Scan(&database); err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	clock.Measured(asked, database, time.Now())
	return nil
}

// Now is the time by the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// Log is where the packages above report what they can't return.
func (s *Store) Log() *zap.Logger { return s.log }

// WithTimeout bounds one transaction.
func (s *Store) WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}

// Exec carries out one statement, within the time of a transaction.
func (s *Store) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	ctx, cancel := s.WithTimeout(ctx)
	defer cancel()
	return s.pool.Exec(ctx, sql, args...)
}

// List reads all rows of one query, within the time of a transaction.
func List[T any](ctx context.Context, s *Store, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	ctx, cancel := s.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, sql, args...) // the rows give the error again
	return pgx.CollectRows(rows, scan)
}

// Each scans every row into the targets, and calls do after each.
func Each(rows pgx.Rows, targets []any, do func()) error {
	_, err := pgx.ForEachRow(rows, targets, func() error {
		do()
		return nil
	})
	return err
}
