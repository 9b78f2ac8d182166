package localpg

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errStopped is the answer to a use of a server that is not running.
var errStopped = errors.New("the server is not running")

// Kill ends every process of the server at once, without a word to its
// clients. What was committed is there again after Restart.
func (s *Server) Kill() error {
	return s.whileRunning("kill", func() error {
		s.postmaster.kill()
		s.postmaster, s.paused = nil, false
		return s.guard.unwatch()
	})
}

// whileRunning does something to a private server that runs. It holds the lock.
func (s *Server) whileRunning(doing string, do func() error) error {
	if s.cluster == nil {
		return fmt.Errorf("%s Postgres: %w", doing, ErrExternal)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postmaster == nil {
		return fmt.Errorf("%s private Postgres: %w", doing, errStopped)
	}
	return do()
}

// Restart starts the server again, on the same folder and under the same DSN.
// A running one is stopped first, cleanly.
func (s *Server) Restart(ctx context.Context) error {
	if s.cluster == nil {
		return fmt.Errorf("restart Postgres: %w", ErrExternal)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return fmt.Errorf("restart private Postgres: %w", errStopped)
	}
	err := s.halt(stopFast, stopGrace)
	if err == nil {
		err = s.relaunch(ctx)
	}
	if err != nil {
		return fmt.Errorf("restart private Postgres in %s: %w", s.cluster.dir, err)
	}
	return nil
}

const (
	leftoverTimeout = 30 * time.Second
	leftoverPoll    = 50 * time.Millisecond
)

// relaunch starts the server. The killed one's last processes hold on to its
// shared memory for as long as the system takes to end them. One that was being
// born when the others were listed has not been killed with them.
func (s *Server) relaunch(ctx context.Context) error {
	deadline := time.Now().Add(leftoverTimeout)
	for {
		err := s.launch(ctx)
		if !errors.Is(err, errLeftover) || time.Now().After(deadline) {
			return err
		}
		endLeftovers(s.cluster.data())
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(leftoverPoll):
		}
	}
}

// Pause freezes every process of the server: connections stay open and nobody
// answers, as when a machine hangs. Unsupported on Windows.
func (s *Server) Pause() error { return s.freeze(true) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.freeze(false) }

func (s *Server) freeze(pause bool) error {
	return s.whileRunning("pause", func() error {
		if s.paused == pause {
			return nil
		}
		act := s.postmaster.resume
		if pause {
			act = s.postmaster.pause
		}
		if err := act(); err != nil {
			return fmt.Errorf("pause private Postgres in %s: %w", s.cluster.dir, err)
		}
		s.paused = pause
		return nil
	})
}
