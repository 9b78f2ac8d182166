package ingest

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/tracing"
)

// decodeTraced decodes a message within its span "receive", which began when the
// message came and ends with its verdict.
func (w *Worker) decodeTraced(h *held) {
	d := &h.delivery
	opts := []trace.SpanStartOption{
		trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(d.ReceivedAt),
		trace.WithAttributes(attribute.String("messaging.system", "gcp_pubsub"), attribute.String("messaging.message.id", d.MessageID)),
	}
	// Who published it may have a trace of its own.
	from := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{
		"traceparent": d.Attributes["googclient_traceparent"], "tracestate": d.Attributes["googclient_tracestate"],
	})
	if publisher := trace.SpanContextFromContext(from); publisher.IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: publisher}))
	}
	var ctx context.Context
	ctx, h.span = w.opts.Tracer.Start(tracing.Event(context.Background(), d.Attributes["ce-id"]), "receive", opts...)
	_, span := w.opts.Tracer.Start(ctx, "decode")
	w.decode(d)
	span.End()
	if d.Event != nil {
		h.span.SetAttributes(attribute.String("spacekeeper.event.id", d.Event.ID), attribute.String("spacekeeper.event.type", d.Event.Type))
	}
}

// traceCommit begins spans "commit" of the messages of a transaction. ended ends them.
func (w *Worker) traceCommit(batch []*held) (ended func([]events.Outcome)) {
	spans := make([]trace.Span, len(batch))
	for i, h := range batch {
		_, spans[i] = w.opts.Tracer.Start(trace.ContextWithSpan(context.Background(), h.span), "commit",
			trace.WithAttributes(attribute.Int("messaging.batch.message_count", len(batch))))
	}
	return func(outcomes []events.Outcome) {
		for i, span := range spans {
			if i >= len(outcomes) || outcomes[i] == events.Unsettled {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
	}
}
