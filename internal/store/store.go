package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Options are the settings of a Store. The zero value works.
type Options struct {
	Planner  reactors.Planner // asked what events lead to; nil: nothing reacts
	MaxConns int              // of the pool; 0: 8
	Timeout  time.Duration    // of one transaction; 0: 10 s. The server gives up a little earlier
	Now      func() time.Time // nil: time.Now
	Log      *zap.Logger      // nil: nothing is logged
}

// Store is the database. Create it with [Open].
type Store struct {
	pool    *pgxpool.Pool
	jobs    *river.Client[pgx.Tx]
	planner reactors.Planner
	timeout time.Duration
	now     func() time.Time
	log     *zap.Logger

	payloads *payloadCodec
	lookups  *lookups
	months   *months

	prepareOnce sync.Mutex
	prepared    bool
}

// Open returns a Store for the database that dsn names. It connects when the
// first statement needs it, so a database that is away is no error here.
func Open(ctx context.Context, dsn string, opts Options) (*Store, error) {
	if opts.MaxConns == 0 {
		opts.MaxConns = 8
	}
	if opts.Timeout == 0 {
		opts.Timeout = 10 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	lookups := newLookups()
	pool, err := openPool(ctx, dsn, opts, lookups)
	if err != nil {
		return nil, err
	}
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("create the River client that inserts jobs: %w", err)
	}
	payloads, err := newPayloadCodec()
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{
		pool: pool, jobs: jobs, planner: opts.Planner,
		timeout: opts.Timeout, now: opts.Now, log: opts.Log,
		payloads: payloads, lookups: lookups, months: newMonths(),
	}, nil
}

func openPool(ctx context.Context, dsn string, opts Options, lookups *lookups) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database address: %w", err) // pgx blots out the password
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
	if params["application_name"] == "" {
		params["application_name"] = "spacekeeper"
	}
	// A cancelled statement is cancelled on the server too, and its connection
	// lives on. To close it instead would open a new one for every
	// cancellation, while the server still works on the old one.
	config.ConnConfig.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: time.Second}
	}
	config.AfterConnect = func(context.Context, *pgx.Conn) error {
		lookups.forget()
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("create the connection pool: %w", err)
	}
	return pool, nil
}

// Close ends all connections, after the calls under way have returned.
func (s *Store) Close() {
	s.pool.Close()
	s.payloads.close()
}

// Pool is the store's connection pool, for River's workers and for queries
// that are nobody's business but the caller's.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// prepare does once what Record relies on: the payload dictionary and the
// months around now.
func (s *Store) prepare(ctx context.Context) error {
	s.prepareOnce.Lock()
	defer s.prepareOnce.Unlock()
	if s.prepared {
		return nil
	}
	if err := s.payloads.publish(ctx, s.pool); err != nil {
		return err
	}
	if err := s.EnsurePartitions(ctx, s.now()); err != nil {
		return err
	}
	s.prepared = true
	return nil
}
