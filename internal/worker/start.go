package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
	"github.com/spacekeeper/spacekeeper/internal/store/reporting"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// waiting is why the worker has not begun.
type waiting struct {
	mu  sync.Mutex
	why error
}

func (w *waiting) reason() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.why
}

// because notes a reason, nil for none, and reports whether it is a new one.
func (w *waiting) because(why error) (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed = why == nil || w.why == nil || why.Error() != w.why.Error()
	w.why = why
	return changed
}

// start waits until the database answers, and starts the job queue on it. It
// returns false if ctx ends before, or with an error that waiting can't mend.
func (w *Worker) start(ctx context.Context) (started bool, err error) {
	pauses := gax.Backoff{Initial: 250 * time.Millisecond, Max: 5 * time.Second, Multiplier: 2}
	for {
		var schema *store.SchemaError
		var zone *reporting.UnknownZoneError
		err = w.store.CheckSchema(ctx)
		if err == nil || errors.As(err, &schema) && len(schema.Missing) > 0 { // it may lack more
			err = cmp.Or(privileges.Check(ctx, w.store), err)
		}
		if err == nil {
			err = reporting.SetZone(ctx, w.store, cmp.Or(w.cfg.Analytics.Zone, "UTC"))
		}
		if err == nil {
			err = w.forget(ctx)
		}
		if err == nil {
			if err = w.jobs.Start(ctx); err != nil {
				err = fmt.Errorf("start the job queue: %w", err)
			}
		}
		switch {
		case err == nil:
			w.waiting.because(nil)
			w.log.Info("worker started")
			return true, nil
		case ctx.Err() != nil:
			return false, nil //nolint:nilerr // it is to stop
		case errors.As(err, &schema):
			return false, err
		case errors.As(err, &zone):
			return false, &config.Error{Mistakes: []strictyaml.Mistake{
				{File: "configuration", Message: fmt.Sprintf("analytics.zone %q is no time zone", zone.Zone), Fix: zone.Suggest},
			}}
		}
		var unconnected *pgconn.ConnectError // which the store has logged
		if w.waiting.because(store.ExplainConnecting(err)) && !errors.As(err, &unconnected) {
			w.log.Error("database not usable; waiting for it", zap.Error(err))
		}
		_ = gax.Sleep(ctx, pauses.Pause()) // the loop ends with ctx
	}
}
