package engine

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/tracing"
)

// traceAttempt begins the span of an attempt, in the trace of the event that asked
// for the run.
func (d *Dispatcher) traceAttempt(ctx context.Context, run reactors.Run) (context.Context, trace.Span) {
	return d.opts.Tracer.Start(tracing.Event(ctx, run.Facts.Event.ID), "run", trace.WithNewRoot(), trace.WithAttributes(
		attribute.String("spacekeeper.reactor", run.Reactor), attribute.Int64("spacekeeper.run.id", run.ID),
		attribute.String("spacekeeper.event.id", run.Facts.Event.ID)))
}

// traceOutcome notes in the attempt's span how the run ended.
func traceOutcome(ctx context.Context, o reactors.Outcome) {
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("spacekeeper.outcome", string(o)))
}

// traceSend begins the span of an action. ended ends it; why an action failed may tell
// too much.
func (d *Dispatcher) traceSend(ctx context.Context, action string) (_ context.Context, ended func(error)) {
	ctx, span := d.opts.Tracer.Start(ctx, "send", trace.WithAttributes(attribute.String("spacekeeper.action", action)))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
