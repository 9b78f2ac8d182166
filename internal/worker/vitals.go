package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
)

const (
	// vitalsInterval is how often the database is looked at: a worker that has
	// nothing to record would not notice that it is away.
	vitalsInterval = 5 * time.Second
	// lockPatience is how long a lock may keep the worker from a table:
	// migrations wait and work for about as long.
	lockPatience = 5 * time.Second
	// clockSlack is by how much the database's clock may differ from ours
	// without a word.
	clockSlack = 5 * time.Second
)

// vitals is how the database does.
type vitals struct {
	mu         sync.Mutex
	unanswered error                         // why it doesn't answer
	still      []string                      // what keeps jobs and reactions from going on
	locks      map[privileges.Lock]time.Time // since when they are known
	ahead      time.Duration                 // its clock
}

// watchDatabase looks at the database until ctx ends.
func (w *Worker) watchDatabase(ctx context.Context) error {
	for ctx.Err() == nil {
		w.lookAtDatabase(ctx)
		_ = gax.Sleep(ctx, vitalsInterval) // the loop ends with ctx
	}
	return nil
}

// lookAtDatabase asks whether it answers, what its clock says, who has locked it,
// and whether jobs are taken, and logs what has changed. It has a connection of its
// own, as those of the pool may all be waiting for somebody's lock.
func (w *Worker) lookAtDatabase(ctx context.Context) {
	err := w.lookout.MeasureClock(ctx)
	var locks []privileges.Lock
	if err == nil {
		locks, err = privileges.Locks(ctx, w.lookout)
	}
	var late []string
	if err == nil {
		limited, cancel := w.lookout.WithTimeout(ctx)
		late, err = w.progress.Standstill(limited, w.lookout.Pool())
		cancel()
	}
	var server store.Inspection
	if err == nil {
		server, err = w.lookout.Inspect(ctx)
	}
	if server.ReadOnly { // after a failover, new connections lead to the primary
		w.lookout.Pool().Reset()
		w.store.Pool().Reset()
		late = append(late, "the database is read-only: a standby, or default_transaction_read_only is on")
	}
	if ctx.Err() != nil {
		return
	}
	v := &w.vitals
	v.mu.Lock()
	defer v.mu.Unlock()
	var unconnected *pgconn.ConnectError // which the store logs
	if err != nil && v.unanswered == nil && !errors.As(err, &unconnected) {
		w.log.Error("database doesn't answer; asking again", zap.Error(err))
	}
	if v.unanswered = err; err != nil {
		return // what is known of the rest stays
	}
	before := v.still
	v.still = append(v.patience(locks, time.Now()), late...)
	switch {
	case len(v.still) > 0 && len(before) == 0:
		w.log.Error("jobs and reactions stand still; waiting until they can go on", zap.Strings("reasons", v.still))
	case len(v.still) == 0 && len(before) > 0:
		w.log.Info("jobs and reactions go on")
	}
	wrong := v.ahead.Abs() > clockSlack
	v.ahead = w.store.Clock().Ahead()
	switch {
	case v.ahead.Abs() > clockSlack && !wrong:
		w.log.Warn(clocksDiffer(v.ahead), zap.Duration("database_ahead", v.ahead))
	case v.ahead.Abs() <= clockSlack && wrong:
		w.log.Info("the clocks of this machine and of the database agree again")
	}
}

// patience returns what locks others have had for long.
func (v *vitals) patience(locks []privileges.Lock, now time.Time) (reasons []string) {
	known := map[privileges.Lock]time.Time{}
	for _, l := range locks {
		since, ok := v.locks[l]
		if !ok {
			since = now
		}
		if known[l] = since; now.Sub(since) >= lockPatience {
			reasons = append(reasons, l.String())
		}
	}
	v.locks = known
	return reasons
}

// clocksDiffer says so. Jobs go by the database's clock, decisions by Google's.
func clocksDiffer(ahead time.Duration) string {
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	return fmt.Sprintf("the database's clock is %s %s this machine's; see subscribe-setup doctor for which is wrong",
		ahead.Abs().Round(time.Second), word)
}

// addTo adds the findings to a status.
func (v *vitals) addTo(s *Status) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s.DatabaseUnanswered, s.Still, s.DatabaseAhead = v.unanswered, slices.Clone(v.still), v.ahead
}
