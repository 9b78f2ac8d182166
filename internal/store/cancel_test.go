package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Row D5: cancelling many statements doesn't make connections pile up.
func TestCancelledStatementsDoNotPileUp(t *testing.T) {
	t.Parallel()
	n, conns := 100, 8
	if storetest.Full() {
		n = 1000
	}
	dsn := storetest.NewDSN(t)
	s := storetest.Open(t, dsn, storetest.Options{Now: clock, MaxConns: conns})
	watcher := openStore(t, dsn)
	count := func() int {
		return storetest.Value[int](t, watcher, `
			SELECT count(*)
			FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	}
	queue := make(chan struct{}, n)
	for range n {
		queue <- struct{}{}
	}
	close(queue)
	var group sync.WaitGroup
	for range 2 * conns {
		group.Go(func() {
			for range queue {
				conn, err := s.Pool().Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				if _, err = conn.Exec(ctx, `SELECT pg_sleep(60)`); err == nil {
					t.Error("pg_sleep came back")
				}
				cancel()
				conn.Release()
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	peak := 0
	for {
		peak = max(peak, count())
		select {
		case <-done:
			if peak > conns+2 {
				t.Errorf("peak of %d backends, want at most %d", peak, conns+2)
			}
			// Each cancellation costs a connection unless the statement alone is cancelled.
			if got, limit := s.Pool().Stat().NewConnsCount(), int64(conns+n/10); got > limit {
				t.Errorf("connections opened = %d, want at most %d", got, limit)
			}
			return
		default:
		}
	}
}
