package localpg

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestKillKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	conn := connect(t, s.DSN())
	if _, err := conn.Exec(testContext(t), "CREATE TABLE kept AS SELECT 'committed' AS word"); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatalf("Kill: %v", err)
	}
	if err := conn.Ping(testContext(t)); err == nil {
		t.Error("a connection outlived Kill")
	}
	if _, err := pgx.Connect(testContext(t), s.DSN()); err == nil {
		t.Error("connected to a killed server")
	}
	if err := s.Kill(); !errors.Is(err, errStopped) {
		t.Errorf("second Kill = %v, want %v", err, errStopped)
	}
	before := s.DSN()
	if err := s.Restart(testContext(t)); err != nil {
		t.Fatalf("Restart: %v", err)
	}
	if s.DSN() != before {
		t.Errorf("DSN changed from %s to %s", before, s.DSN())
	}
	if got := query(t, s.DSN(), "SELECT word FROM kept"); got != "committed" {
		t.Errorf("word = %q", got)
	}
}

func TestRestartsRightAfterKillUnderConnections(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	ctx, cancel := context.WithCancel(testContext(t))
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for ctx.Err() == nil { // each connection is a process that Kill may miss
				if conn, err := pgx.Connect(ctx, s.DSN()); err == nil {
					_ = conn.Close(ctx)
				}
			}
		})
	}
	defer clients.Wait()
	defer cancel()
	for range 3 {
		if err := s.Kill(); err != nil {
			t.Fatalf("Kill: %v", err)
		}
		if err := s.Restart(testContext(t)); err != nil {
			t.Fatalf("Restart: %v", err)
		}
	}
}

func TestPauseFreezesOpenConnections(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Pause is unsupported on Windows")
	}
	s := start(t, Options{})
	conn := connect(t, s.DSN())
	for range 2 {
		if err := s.Pause(); err != nil {
			t.Fatalf("Pause: %v", err)
		}
	}
	type result struct {
		word string
		err  error
	}
	results := make(chan result, 1)
	ctx := testContext(t)
	go func() {
		var r result
		r.err = conn.QueryRow(ctx, "SELECT 'answered'").Scan(&r.word)
		results <- r
	}()
	impatient, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, err := pgx.Connect(impatient, s.DSN()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connect to a paused server = %v, want a timeout", err)
	}
	select {
	case r := <-results:
		t.Errorf("a paused server answered: %+v", r)
	default:
	}
	if err := s.Resume(); err != nil {
		t.Fatalf("Resume: %v", err)
	}
	if r := <-results; r.err != nil || r.word != "answered" {
		t.Errorf("after Resume: %+v", r)
	}
}

func TestStopOfPausedServer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Pause is unsupported on Windows")
	}
	s := start(t, Options{})
	connect(t, s.DSN())
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
	}
	if _, err := os.Stat(s.cluster.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat(%s) = %v, want the temporary folder gone", s.cluster.dir, err)
	}
	if err := s.Restart(testContext(t)); !errors.Is(err, errStopped) {
		t.Errorf("Restart after Stop = %v, want %v", err, errStopped)
	}
}
