package engine

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// KeepWaking wakes runs that wait for a breaker, until ctx ends: one when it may find
// out whether the other side is back, and all when it is.
func (d *Dispatcher) KeepWaking(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-d.breakers.changed:
		}
		timer.Reset(d.wake(ctx))
	}
}

// wakeAgain is how soon runs are woken again whose jobs haven't been put back yet.
const wakeAgain = 250 * time.Millisecond

// wake wakes what is to be woken now, and answers when to look again.
func (d *Dispatcher) wake(ctx context.Context) (next time.Duration) {
	calls, next := d.breakers.call()
	if len(calls) == 0 {
		return next
	}
	busy, err := d.runs.WakeRuns(ctx, store.Column(calls, func(a *ask) int64 { return a.run }))
	if err != nil {
		var unconnected *pgconn.ConnectError // which the store logs
		if ctx.Err() == nil && !errors.As(err, &unconnected) {
			d.log.Warn("runs not woken; trying again", zap.Int("runs", len(calls)), zap.Error(err))
		}
		d.breakers.again(calls)
		return time.Second
	}
	var again []ask
	for _, a := range calls {
		if busy[a.run] {
			again = append(again, a)
		}
	}
	if len(again) == 0 {
		return next
	}
	d.breakers.again(again)
	return wakeAgain
}
