package ingest

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// The trace of a message has a link to that of who published it, and ends with its verdict.
func TestTraceIsLinkedToThePublishers(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	w := newTestWorker(recorderFunc(func(_ context.Context, ds []events.Delivery) ([]events.Outcome, error) {
		return all(ds, events.Recorded), nil
	}), Options{Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("")})
	m := message(1, 1)
	const publisher = "4bf92f3577b34da6a3ce929d0e0e4736"
	m.delivery.Attributes["googclient_traceparent"] = "00-" + publisher + "-00f067aa0ba902b7-01"
	w.pending <- m
	close(w.pending)
	batch, _ := w.take(t.Context(), false)
	w.commit(t.Context(), batch)
	ended := spans.Ended()
	if len(ended) != 3 {
		t.Fatalf("%d spans, want receive, decode and commit", len(ended))
	}
	for i, name := range []string{"decode", "commit", "receive"} {
		span := ended[i]
		if span.Name() != name || span.SpanContext().TraceID() != ended[2].SpanContext().TraceID() {
			t.Errorf("span %d is %s of trace %s, want %s of %s", i, span.Name(), span.SpanContext().TraceID(), name, ended[2].SpanContext().TraceID())
		}
		if linked := len(span.Links()) == 1 && span.Links()[0].SpanContext.TraceID().String() == publisher; linked != (name == "receive") {
			t.Errorf("%s has links %v", name, span.Links())
		}
	}
}
