package store

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

// reach logs when the database can't be connected to any more, and when it can
// be again.
type reach struct {
	log *zap.Logger

	mu   sync.Mutex
	away bool
}

// TraceConnectStart implements pgx.ConnectTracer.
func (r *reach) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return ctx
}

// TraceConnectEnd implements pgx.ConnectTracer.
func (r *reach) TraceConnectEnd(_ context.Context, end pgx.TraceConnectEndData) {
	if errors.Is(end.Err, context.Canceled) {
		return // the pool was closed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch away := end.Err != nil; {
	case away && !r.away:
		r.log.Error("no connection to the database; trying again", zap.Error(ExplainConnecting(end.Err)))
	case !away && r.away:
		r.log.Info("connected to the database again")
	}
	r.away = end.Err != nil
}

// TraceQueryStart implements pgx.QueryTracer, as pgx asks of every tracer.
func (r *reach) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (r *reach) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
