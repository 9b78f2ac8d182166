package ingest

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/googleapis/gax-go/v2"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// held is a message whose callback waits for a verdict.
type held struct {
	delivery events.Delivery // decoded by the writer that takes it
	verdict  chan action     // gets ack or release, once; buffered
	span     trace.Span      // nil: it isn't traced
}

// items is what the message counts for in a batch.
func (h *held) items() int {
	if h.delivery.Event == nil {
		return 1
	}
	return len(h.delivery.Event.Items)
}

// receiveLoop keeps Receive running until ctx ends. Receive returns by itself on
// errors that the client library takes for final, such as a missing subscription
// or a lost permission: a person may mend them while the worker runs.
func (w *Worker) receiveLoop(ctx, work context.Context) {
	pauses := newPauses()
	for {
		started := time.Now()
		w.status.setReceiving(true, nil)
		err := w.sub.Receive(ctx, func(_ context.Context, m *pubsub.Message) { w.receive(work, m) })
		if ctx.Err() != nil {
			w.status.setReceiving(false, nil)
			return
		}
		if err == nil {
			err = fmt.Errorf("receive ended without a reason")
		}
		err = fmt.Errorf("receive from %s: %w%s", w.sub.String(), err, remedy(err))
		w.status.setReceiving(false, err)
		if time.Since(started) > time.Minute {
			pauses = newPauses()
		}
		d := pauses.Pause()
		w.log.Error("receiving stopped; starting again", zap.Error(err), zap.Duration("retry_in", d))
		if gax.Sleep(ctx, d) != nil {
			return
		}
	}
}

func newPauses() *gax.Backoff {
	return &gax.Backoff{Initial: 2 * time.Second, Max: 40 * time.Second, Multiplier: 2}
}

// receive is the callback of one message. It returns when the message has
// its verdict. It ignores the context that the library gives it, which ends as
// soon as the pull does. Thousands run at once, so nothing here may need a deep
// stack: the writers decode.
func (w *Worker) receive(work context.Context, m *pubsub.Message) {
	w.status.held.Add(1)
	defer w.status.held.Add(-1)
	w.opts.Received(m.DeliveryAttempt)
	h := w.free.Get().(*held)
	h.delivery = events.Delivery{
		MessageID: m.ID, PublishTime: m.PublishTime, ReceivedAt: time.Now(),
		Attributes: m.Attributes, Data: m.Data, OrderingKey: m.OrderingKey,
		Origin: events.OriginLive,
	}
	w.pending <- h // has room for all that flow control lets in
	select {
	case a := <-h.verdict:
		if a == ack {
			m.Ack()
		}
		h.delivery, h.span = events.Delivery{}, nil
		w.free.Put(h) // the writers have let go of it
	case <-work.Done():
	}
}

// decode decodes the message. If the decoder panics, that message goes to the
// quarantine.
func (w *Worker) decode(d *events.Delivery) {
	defer func() {
		if p := recover(); p != nil {
			// The panic's value may quote the message, so it isn't logged.
			w.log.Error("decoder panicked; the message goes to the quarantine",
				zap.String("message_id", d.MessageID), zap.ByteString("stack", debug.Stack()))
			d.Event = nil
			d.Malformed = &events.Malformed{Reason: ReasonDecoderPanic, Detail: "the decoder panicked; this is a defect of the decoder", Offset: -1}
		}
	}()
	d.Event, d.Malformed = w.opts.Decode(d.Attributes, d.Data)
}

// ReasonDecoderPanic quarantines a message that made the decoder panic.
const ReasonDecoderPanic events.Reason = "decoder_panic"

// remedy names the way out of what usually ends Receive.
func remedy(err error) string {
	switch grpcstatus.Code(err) {
	case codes.NotFound:
		return " (the Pub/Sub subscription does not exist: create it, or correct pubsub.subscription in the configuration)"
	case codes.PermissionDenied:
		if strings.Contains(err.Error(), "insufficient authentication scopes") {
			return " (give this machine's tokens the access scope pubsub or cloud-platform: docs/authentication.md says how)"
		}
		return " (grant roles/pubsub.subscriber on the subscription to the worker's service account)"
	}
	return ""
}
