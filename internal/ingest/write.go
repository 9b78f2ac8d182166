package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// fillWait is how long a busy writer waits for more messages. Without it a
// steady stream is written in tiny transactions, which cost more than they
// bring: at 2,000 events/s it is 2 ms that give the best latency.
const fillWait = 2 * time.Millisecond

// writeLoop takes batches until pending is closed or work ends.
func (w *Worker) writeLoop(work context.Context) {
	var lastCommit time.Time
	for {
		batch, more := w.take(work, time.Since(lastCommit) < fillWait)
		if len(batch) > 0 {
			w.commit(work, batch)
			lastCommit = time.Now()
		}
		if !more {
			return
		}
	}
}

// take decodes and returns what is waiting, up to the batch limits. It blocks for the
// first message; if busy it gives others fillWait to arrive.
func (w *Worker) take(work context.Context, busy bool) (batch []*held, more bool) {
	var items, bytes int
	more = true
	add := func(h *held, ok bool) (last bool) {
		if more = ok; !more {
			return true
		}
		if w.opts.Tracer != nil {
			w.decodeTraced(h)
		} else {
			w.decode(&h.delivery)
		}
		batch = append(batch, h)
		items += h.items()
		bytes += len(h.delivery.Data)
		return items >= w.opts.MaxBatch || bytes >= w.opts.MaxBatchBytes
	}

	select {
	case h, ok := <-w.pending:
		if add(h, ok) {
			return batch, more
		}
	case <-work.Done():
		return nil, false
	}

	var fill <-chan time.Time // nil: never
	if busy {
		t := time.NewTimer(fillWait)
		defer t.Stop()
		fill = t.C
	}
	for {
		select {
		case h, ok := <-w.pending:
			if add(h, ok) {
				return batch, more
			}
			continue
		default:
		}
		if fill == nil {
			return batch, true
		}
		select {
		case h, ok := <-w.pending:
			if add(h, ok) {
				return batch, more
			}
		case <-fill:
			fill = nil
		case <-work.Done():
			return batch, true
		}
	}
}

// commit records the batch and gives every message its verdict. While the
// database is away it holds the batch and retries. When the database answers
// the same again and again, it looks for the messages to blame and holds those
// apart.
func (w *Worker) commit(work context.Context, batch []*held) {
	defer w.status.hold(batch[0].delivery.ReceivedAt)()
	pauses := gax.Backoff{Initial: 200 * time.Millisecond, Max: 8 * time.Second, Multiplier: 2}
	var code string                        // of the last answer
	same, search := 0, answersBeforeSearch // how often in a row it was that, and must be
	for {
		var err error
		if batch, err = w.try(work, batch); err == nil {
			w.databaseTakes(work, nil, 0)
			return
		}
		if c := refusalCode(err); c != code {
			code, same = c, 0
		}
		if same++; code != "" && same >= search {
			search *= 2
			var taken bool
			if batch, taken = w.search(work, batch, err); taken {
				w.databaseTakes(work, nil, 0)
			}
			if len(batch) == 0 {
				return
			}
		}
		w.databaseTakes(work, err, len(batch))
		// When the pause is cut short by the end of the grace period, the
		// next attempt fails at once and releases the batch.
		_ = gax.Sleep(work, pauses.Pause())
	}
}

// try records the batch once. It returns what is to be held, and why.
func (w *Worker) try(work context.Context, batch []*held) ([]*held, error) {
	ctx, cancel := context.WithTimeout(work, w.opts.RecordTimeout)
	ended := func([]events.Outcome) {}
	if w.opts.Tracer != nil {
		ended = w.traceCommit(batch)
	}
	began, n := time.Now(), len(batch)
	outcomes, err := w.recorder.Record(ctx, deliveries(batch))
	cancel()
	ended(outcomes)
	w.opts.Tried(n, time.Since(began))
	batch = w.settle(batch, outcomes, work.Err() != nil)
	if len(batch) == 0 {
		return nil, nil
	}
	if err == nil {
		err = fmt.Errorf("record %d deliveries: no outcome and no error", n)
	}
	return batch, err
}

func (w *Worker) databaseTakes(work context.Context, err error, holding int) {
	if work.Err() != nil || !w.status.setDatabase(err) {
		return
	}
	if err == nil {
		w.log.Info("database is back; recording again")
		return
	}
	w.log.Error("database takes no events; holding them and retrying", zap.Error(err), zap.Int("held", holding))
}

// settle gives verdicts by the outcomes, and returns the messages to hold.
func (w *Worker) settle(batch []*held, outcomes []events.Outcome, graceOver bool) (rest []*held) {
	for i, h := range batch {
		outcome := events.Unsettled
		if i < len(outcomes) {
			outcome = outcomes[i]
		}
		a := decide(outcome, graceOver)
		if a == hold {
			rest = append(rest, h)
			continue
		}
		if a == ack {
			w.status.count(&h.delivery, outcome)
			w.opts.Observe(h.delivery, outcome)
		}
		if h.span != nil {
			h.span.SetAttributes(attribute.String("spacekeeper.outcome", outcome.String()))
			h.span.End()
		}
		h.verdict <- a
	}
	return rest
}

func deliveries(batch []*held) []events.Delivery {
	ds := make([]events.Delivery, len(batch))
	for i, h := range batch {
		ds[i] = h.delivery
	}
	return ds
}
