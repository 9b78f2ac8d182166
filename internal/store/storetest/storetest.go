// Package storetest gives tests a real, migrated database of their own.
//
// One Postgres server is started per test process, on first use; each call of
// [New] clones a migrated template database on it, in a few tens of
// milliseconds. The server ends with the process, and so do the databases;
// on a server from the environment (TEST_DATABASE_URL) each database is
// dropped when its test ends.
package storetest

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

var full = flag.Bool("chaos.full", false, "run the failure tests at full size")

// Full reports whether the failure tests run at full size (-chaos.full).
func Full() bool { return *full }

// Env is a database for one test.
type Env struct {
	DSN   string
	Store *store.Store
	*eventlog.Log
	*runs.Runs
	*coverage.Coverage
}

// Pool is the store's.
func (e *Env) Pool() *pgxpool.Pool { return e.Store.Pool() }

// Options are the settings of an Env.
type Options struct {
	Planner  reactors.Planner // nil: nothing reacts
	MaxConns int              // these as in store.Options
	Timeout  time.Duration
	Now      func() time.Time
	Log      *zap.Logger
}

// New returns a migrated, empty database with everything open on it. All go
// away when the test ends.
func New(t testing.TB, opts Options) *Env {
	t.Helper()
	return Open(t, NewDSN(t), opts)
}

// Open opens everything on a database, for as long as the test lasts.
func Open(t testing.TB, dsn string, opts Options) *Env {
	t.Helper()
	s, err := store.Open(t.Context(), dsn, store.Options{MaxConns: opts.MaxConns, Timeout: opts.Timeout, Now: opts.Now, Log: opts.Log})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(s.Close)
	env := &Env{DSN: dsn, Store: s, Runs: runs.New(s), Coverage: coverage.New(s)}
	if env.Log, err = eventlog.New(s, opts.Planner, env.Runs); err != nil {
		t.Fatalf("open the event log: %v", err)
	}
	return env
}

// NewDSN returns the address of a migrated, empty database.
func NewDSN(t testing.TB) string {
	t.Helper()
	return clone(t, shared.template)
}

// EmptyDSN returns the address of a database without a schema.
func EmptyDSN(t testing.TB) string {
	t.Helper()
	return clone(t, func() (string, error) { return "template0", nil })
}

var number atomic.Int64

func clone(t testing.TB, template func() (string, error)) string {
	t.Helper()
	if err := shared.start(); err != nil {
		t.Fatalf("start Postgres for tests: %v", err)
	}
	source, err := template()
	if err != nil {
		t.Fatalf("migrate the template database: %v", err)
	}
	name := fmt.Sprintf("spacekeeper_test_%d_%d", os.Getpid(), number.Add(1))
	if err := shared.exec(fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s%s", name, source, shared.copying)); err != nil {
		t.Fatalf("create database %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := shared.exec(fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	return WithDatabase(shared.dsn, name)
}

// server is the process's Postgres.
type server struct {
	mu      sync.Mutex
	pg      *localpg.Server // held: a server that is collected as garbage ends
	admin   *pgxpool.Pool
	dsn     string
	source  string // the template database, once it is migrated
	copying string // how CREATE DATABASE copies
	safe    string // "on" as in production
}

var shared server

func (s *server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dsn != "" {
		return nil
	}
	safe := cmp.Or(s.safe, "off")
	pg, err := localpg.Start(context.Background(), Filled(localpg.Options{Memory: true, Settings: map[string]string{
		"fsync": safe, "autovacuum": safe, "full_page_writes": "off", "max_connections": "300", "max_wal_size": "128MB",
	}}))
	if err != nil {
		return err
	}
	admin := pg.DSN()
	if !pg.External() {
		s.source, admin = localpg.Database, WithDatabase(pg.DSN(), "postgres") // nobody may be connected to a template
	}
	if s.admin, err = pgxpool.New(context.Background(), admin); err != nil {
		return errors.Join(err, pg.Stop())
	}
	// From version 15 on Postgres would write every page of a copy to its
	// write-ahead log, which takes four times as long.
	var version int
	if err := s.admin.QueryRow(context.Background(), `SELECT current_setting('server_version_num')::int`).Scan(&version); err != nil {
		s.admin.Close()
		return errors.Join(err, pg.Stop())
	}
	if version >= 150_000 {
		s.copying = " STRATEGY file_copy"
	}
	s.pg, s.dsn = pg, pg.DSN()
	return nil
}

// template is the database with the schema. On a server of our own it is there from the start.
func (s *server) template() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source != "" {
		return s.source, nil
	}
	name := fmt.Sprintf("spacekeeper_template_%d", os.Getpid())
	if err := s.exec("CREATE DATABASE " + name); err != nil {
		return "", err
	}
	if err := fill(context.Background(), WithDatabase(s.dsn, name)); err != nil {
		return "", err
	}
	s.source = name
	return name, nil
}

func (s *server) exec(sql string) error {
	_, err := s.admin.Exec(context.Background(), sql)
	return err
}

// WithDatabase returns dsn for another database of the server.
func WithDatabase(dsn, name string) string {
	if u, err := url.Parse(dsn); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		u.Path = "/" + name
		return u.String()
	}
	return dsn + " dbname=" + name
}
