package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// User and Database are the superuser and the database of a private server.
const (
	User     = "spacekeeper"
	Database = "spacekeeper"
)

const (
	// stopGrace is how long a fast shutdown may take before it becomes an
	// immediate one: it has to write all dirty buffers.
	stopGrace = 30 * time.Second
	// quitGrace is longer than the 5 s after which a postmaster kills those
	// of its children that ignore an immediate shutdown.
	quitGrace = 10 * time.Second
)

// ErrExternal is the answer of methods that need a private server when the
// server came from the environment.
var ErrExternal = errors.New("the server was not started here (it comes from TEST_DATABASE_URL or DATABASE_URL)")

// Options says how to start a server. The zero value is a temporary one.
type Options struct {
	// Dir keeps the database. It is created if need be and reused if it holds
	// one; only one server at a time may use it. Empty: a temporary folder,
	// removed by Stop. With a Dir, the environment's databases are ignored.
	Dir string

	// Memory puts a temporary folder into memory, where the system offers that
	// and has plenty, for tests and whatever else doesn't last long: to make the
	// thousand files of a database is slow on a disk.
	Memory bool

	// Private ignores TEST_DATABASE_URL and DATABASE_URL, for tests that stop
	// or break the server.
	Private bool

	// TCP listens on a free loopback port instead of the unix socket, for
	// tests that put a proxy in between. Always so on Windows.
	TCP bool

	// Fill puts into a new temporary database what it shall begin with. If
	// Contents names that, an image is kept in the user's cache, and later
	// databases of that name are copies: what Fill makes must be the same for
	// the same name. For tests.
	Fill     func(ctx context.Context, dsn string) error
	Contents string

	// Settings are server parameters, as in postgresql.conf. They apply to
	// this run and are not stored.
	Settings map[string]string

	// Log receives what the server writes to its log. Nil: nothing. It may
	// hold statements and their parameters.
	Log io.Writer
}

// Server is a running server, or one that the environment named.
type Server struct {
	dsn     string
	cluster *cluster // nil: from the environment

	mu         sync.Mutex
	guard      *guard
	postmaster *postmaster // nil: not running
	paused     bool
	stopped    bool
}

// Start finds or starts a server and waits until it answers.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.Dir == "" && !opts.Private {
		if dsn := external(os.Getenv); dsn != "" {
			return &Server{dsn: dsn}, nil
		}
	}
	c, err := openCluster(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("prepare private Postgres: %w", err)
	}
	s := &Server{cluster: c}
	if s.guard, err = startGuard(c); err != nil {
		return nil, errors.Join(fmt.Errorf("watch private Postgres: %w", err), c.remove())
	}
	err = s.launch(ctx)
	if err == nil && c.unfilled {
		err = s.fill(ctx, opts)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start private Postgres in %s: %w", c.dir, err),
			s.halt(stopImmediate, quitGrace), s.guard.release(), c.remove())
	}
	s.dsn = c.dsn(Database)
	return s, nil
}

// DSN is the server's address as a URL that pgx and psql understand.
func (s *Server) DSN() string { return s.dsn }

// External reports whether the server came from the environment.
func (s *Server) External() bool { return s.cluster == nil }

// Addr is the server's host:port for a proxy, empty where it has none.
func (s *Server) Addr() string {
	if s.cluster == nil || !s.cluster.tcp() {
		return ""
	}
	return s.cluster.addr()
}

// Stop ends a private server, cleanly or, where its folder is a temporary one,
// at once, removes such a folder, and returns when all is done. Further calls
// do nothing.
func (s *Server) Stop() error {
	if s.cluster == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	how := stopFast
	if s.cluster.temporary {
		how = stopImmediate // nobody reads what it would write
	}
	err := s.halt(how, stopGrace)
	err = errors.Join(err, s.guard.release(), s.cluster.remove())
	if err != nil {
		return fmt.Errorf("stop private Postgres in %s: %w", s.cluster.dir, err)
	}
	return nil
}

// launch starts the postmaster and waits until it answers. The caller holds
// mu or is the only one who knows s.
func (s *Server) launch(ctx context.Context) error {
	p, err := s.cluster.start()
	if err != nil {
		return err
	}
	// From here on the server dies with us. Before, for some microseconds, a
	// SIGKILL of this process would leave it behind.
	if err := s.guard.watch(p); err != nil {
		p.kill()
		return err
	}
	s.postmaster = p
	if err := s.cluster.awaitReady(ctx, p); err != nil {
		return errors.Join(err, s.halt(stopImmediate, quitGrace))
	}
	return nil
}

// halt stops the postmaster, if one runs, the given way, then harder.
func (s *Server) halt(how shutdown, grace time.Duration) error {
	p := s.postmaster
	if p == nil {
		return nil
	}
	s.postmaster = nil
	if s.paused {
		s.paused = false
		if err := p.resume(); err != nil {
			return err
		}
	}
	err := p.shutdown(how)
	if err == nil && !p.waitFor(grace) {
		err = p.shutdown(stopImmediate)
	}
	if err != nil || !p.waitFor(quitGrace) {
		p.kill()
	}
	return s.guard.unwatch()
}
