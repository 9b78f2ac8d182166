package worker

import (
	"context"
	"errors"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

// sealInterval is how often what was recorded goes into the transparency log.
const sealInterval = 10 * time.Second

// sealLog seals what was recorded until ctx ends. Replicas do so in turns: what one
// has sealed is gone for the next.
func (w *Worker) sealLog(ctx context.Context) error {
	log := proofs.New(w.store)
	for ctx.Err() == nil {
		_, err := log.Seal(ctx)
		var unconnected *pgconn.ConnectError // which the store logs
		if err != nil && ctx.Err() == nil && !errors.As(err, &unconnected) {
			w.log.Warn("log not sealed; trying again", zap.Error(err))
		}
		_ = gax.Sleep(ctx, sealInterval) // the loop ends with ctx
	}
	return nil
}
