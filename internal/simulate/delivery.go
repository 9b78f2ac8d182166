package simulate

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Faults says what goes wrong between a change and Pub/Sub. Chances are from 0
// to 1. Redelivery of one Pub/Sub message is the broker's business.
type Faults struct {
	Duplicate float64       // published once more: same ce-id, another message id
	Reorder   float64       // held back until a few later messages have gone
	Delay     float64       // held back for DelayBy
	DelayBy   time.Duration //
	Garbage   float64       // a malformed message goes ahead of it, each kind in turn
}

// delivery is one event on its way to one subscription's topic.
type delivery struct {
	sub     *subscription
	entry   PublishedEvent
	message *pubsubpb.PubsubMessage
}

// held is a delivery that a fault holds back.
type held struct {
	delivery
	after int         // messages that still have to overtake it; 0 for a delay
	timer *time.Timer // of a delay
}

type emitter struct {
	publisher Publisher
	rng       *rand.Rand
	faults    Faults
	drop      int // events still to be lost
	held      []*held
	items     int // resources in the truth's events
	garbage   int // malformed messages made so far
	timers    sync.WaitGroup
	closed    bool
}

// SetFaults replaces the faults. What is held back stays so.
func (w *Workspace) SetFaults(f Faults) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.emitter.faults = f
}

// DropNext loses the next n events although the truth says that they were
// published: a check that compares the two must notice.
func (w *Workspace) DropNext(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.emitter.drop += n
}

// Flush publishes everything that is held back.
func (w *Workspace) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.release(func(*held) bool { return true })
}

// deliver publishes, or holds back, or loses. The lock is held.
func (w *Workspace) deliver(d delivery) {
	e := &w.emitter
	if e.drop > 0 {
		e.drop--
		w.record(d)
		return
	}
	chance := func(p float64) bool { return p > 0 && e.rng.Float64() < p }
	if chance(e.faults.Garbage) {
		// A topic that is gone shows when the event itself is published.
		_ = w.publishGarbage(garbageKinds[e.garbage%len(garbageKinds)], d.entry.Topic)
	}
	switch {
	case chance(e.faults.Reorder):
		e.held = append(e.held, &held{delivery: d, after: 1 + e.rng.IntN(8)})
	case chance(e.faults.Delay):
		h := &held{delivery: d}
		e.held = append(e.held, h)
		e.timers.Add(1)
		h.timer = time.AfterFunc(e.faults.DelayBy, func() {
			defer e.timers.Done()
			w.mu.Lock()
			defer w.mu.Unlock()
			w.release(func(other *held) bool { return other == h })
		})
	default:
		w.publish(d, chance(e.faults.Duplicate))
		for _, h := range e.held {
			h.after--
		}
		w.release(func(h *held) bool { return h.timer == nil && h.after <= 0 })
	}
}

// release publishes the held deliveries that ready chooses.
func (w *Workspace) release(ready func(*held) bool) {
	var now []*held
	w.emitter.held = slices.DeleteFunc(w.emitter.held, func(h *held) bool {
		if ready(h) {
			now = append(now, h)
			return true
		}
		return false
	})
	for _, h := range now {
		if h.timer != nil && h.timer.Stop() {
			w.emitter.timers.Done()
		}
		w.publish(h.delivery, false)
	}
}

// publish hands the message to Pub/Sub. If that fails the subscription is
// suspended, as Google does, and the event is lost to it.
func (w *Workspace) publish(d delivery, twice bool) {
	if w.emitter.closed {
		return
	}
	if _, err := w.emitter.publisher.Publish(d.entry.Topic, d.message); err != nil {
		w.suspend(d.sub, w.endpointReason(d.entry.Topic, err), w.state.now())
		return
	}
	d.entry.Copies = 1
	if twice {
		again := &pubsubpb.PubsubMessage{Data: d.message.Data, Attributes: d.message.Attributes, OrderingKey: d.message.OrderingKey}
		if _, err := w.emitter.publisher.Publish(d.entry.Topic, again); err == nil {
			d.entry.Copies++
		}
	}
	w.record(d)
}

func (w *Workspace) record(d delivery) {
	w.truth.Events = append(w.truth.Events, d.entry)
	w.emitter.items += d.entry.Items
}

// close drops what is held back. The caller waits for the timers that are
// running already.
func (e *emitter) close() {
	e.closed = true
	for _, h := range e.held {
		if h.timer != nil && h.timer.Stop() {
			e.timers.Done()
		}
	}
	e.held = nil
}
