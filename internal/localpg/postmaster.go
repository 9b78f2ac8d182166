package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// readyTimeout bounds a start whose context has no deadline; recovery
	// after a crash takes a while.
	readyTimeout = time.Minute
	// readyPoll is how often a starting server is asked.
	readyPoll = 10 * time.Millisecond
)

// shutdown is one of the ways in which Postgres stops.
type shutdown int

const (
	// stopFast rolls back what is open and writes a checkpoint.
	stopFast shutdown = iota
	// stopImmediate drops everything; the next start recovers.
	stopImmediate
)

// postmaster is the server's first process. How it is told to stop depends on
// the system: see the files named after it.
type postmaster struct {
	cluster *cluster
	cmd     *exec.Cmd
	output  *tail
	exited  chan struct{} // closed when the process is gone
}

// launch starts cmd and a goroutine that waits for its end.
func launch(c *cluster, cmd *exec.Cmd) (*postmaster, error) {
	p := &postmaster{cluster: c, cmd: cmd, output: &tail{next: c.log}, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	// Should a child of the server outlive it, don't wait for its output.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // the status says less than the output that awaitReady quotes
	}()
	return p, nil
}

// waitFor reports whether the process ended within d.
func (p *postmaster) waitFor(d time.Duration) bool {
	select {
	case <-p.exited:
		return true
	case <-time.After(d):
		return false
	}
}

// awaitReady returns when the server answers queries and holds our database.
func (c *cluster) awaitReady(ctx context.Context, p *postmaster) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		err := p.holdsData()
		if err == nil {
			var conn *pgx.Conn
			if conn, err = pgx.Connect(ctx, c.dsn("postgres")); err == nil {
				defer conn.Close(ctx)
				return createDatabase(ctx, conn)
			}
		}
		select {
		case <-p.exited:
			if strings.Contains(p.output.String(), `"postmaster.pid" already exists`) {
				return fmt.Errorf("another server runs on this folder: %s", p.output)
			}
			if strings.Contains(p.output.String(), "pre-existing shared memory block") {
				return fmt.Errorf("%w: %s", errLeftover, p.output)
			}
			return fmt.Errorf("the server ended: %s", p.output)
		case <-ctx.Done():
			return fmt.Errorf("wait for the server to answer: %w: %w: %s", ctx.Err(), err, p.output)
		case <-tick.C:
		}
	}
}

// errLeftover means that processes of a killed server are still ending.
var errLeftover = errors.New("processes of an earlier server still run")

// holdsData checks that the database's lock is p's own: where another server
// holds it, that one would answer on our address until p has given up.
func (p *postmaster) holdsData() error {
	lock, err := os.ReadFile(filepath.Join(p.cluster.data(), "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("read the database's lock: %w", err)
	}
	holder, _, _ := strings.Cut(string(lock), "\n")
	if holder = strings.TrimSpace(holder); holder != strconv.Itoa(p.cmd.Process.Pid) {
		return fmt.Errorf("process %s holds the database's lock", holder)
	}
	return nil
}

// createDatabase makes our database unless an earlier run did.
func createDatabase(ctx context.Context, conn *pgx.Conn) error {
	const duplicateDatabase = "42P04"
	_, err := conn.Exec(ctx, "CREATE DATABASE "+Database)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == duplicateDatabase {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", Database, err)
	}
	return nil
}

// tail passes output on and remembers its last lines for error messages.
type tail struct {
	next interface{ Write([]byte) (int, error) }

	mu   sync.Mutex
	last []byte
}

// tailSize is how much output is remembered.
const tailSize = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.last = append(t.last, b...)
	if extra := len(t.last) - tailSize; extra > 0 {
		t.last = append(t.last[:0], t.last[extra:]...)
	}
	t.mu.Unlock()
	// A log that can't be written must not stop the server's output.
	_, _ = t.next.Write(b)
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return lastLines(t.last)
}

// lastLines returns the last few lines of out as one.
func lastLines(out []byte) string {
	lines := strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		return "it wrote nothing"
	}
	return strings.Join(lines[max(0, len(lines)-4):], " | ")
}
