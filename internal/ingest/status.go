package ingest

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Status is the condition of a worker.
type Status struct {
	Receiving    bool      // a Receive call is running
	ReceiveError error     // why the last one ended, while none is running
	LastHeard    time.Time // when Pub/Sub last said anything, heartbeats included; zero before the first time
	PubSubDown   error     // why Pub/Sub does not answer when it is asked; nil while it does
	Started      time.Time // when the worker began to listen; zero before
	DatabaseDown error     // why the database takes no events; nil while it does
	Refused      int       // messages that are held apart, since the database takes others
	RefusedWhy   error     // of the last of them; nil if there are none
	Held         int       // messages that wait for their commit
	HeldSince    time.Time // when the oldest of them came; zero if none is being committed
	LastCommit   time.Time // zero before the first

	Recorded, Duplicates, Quarantined uint64 // messages, since start
	Items                             uint64 // items of recorded messages, since start

	silentAfter time.Duration // Options.SilentAfter
}

// Silence is how long Pub/Sub has said nothing.
func (s Status) Silence(now time.Time) time.Duration {
	switch {
	case s.LastHeard.After(s.Started):
		return now.Sub(s.LastHeard)
	case s.Started.IsZero():
		return 0
	}
	return now.Sub(s.Started)
}

// Silent reports whether Pub/Sub has said nothing for too long.
func (s Status) Silent(now time.Time) bool {
	return s.Receiving && s.Silence(now) > cmp.Or(s.silentAfter, silentAfter)
}

type status struct {
	heard *atomic.Int64 // unix nanoseconds, written by the client's streams
	held  atomic.Int64

	recorded, duplicates, quarantined, items atomic.Uint64

	mu         sync.Mutex
	receiving  bool
	receiveErr error
	database   error
	pubsub     error
	started    time.Time
	refused    int
	refusedWhy error
	lastCommit time.Time
	holding    map[*time.Time]bool // when the oldest message of each batch came
}

// Status returns the worker's present condition.
func (w *Worker) Status() Status {
	s := &w.status
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Status{
		Receiving: s.receiving, ReceiveError: s.receiveErr, DatabaseDown: s.database, Refused: s.refused, RefusedWhy: s.refusedWhy,
		PubSubDown: s.pubsub, Started: s.started, silentAfter: w.opts.SilentAfter,
		Held: int(s.held.Load()), LastCommit: s.lastCommit,
		Recorded: s.recorded.Load(), Duplicates: s.duplicates.Load(),
		Quarantined: s.quarantined.Load(), Items: s.items.Load(),
	}
	for since := range s.holding {
		if out.HeldSince.IsZero() || since.Before(out.HeldSince) {
			out.HeldSince = *since
		}
	}
	if ns := s.heard.Load(); ns != 0 {
		out.LastHeard = time.Unix(0, ns)
	}
	return out
}

func (s *status) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = now
}

// unheardFor is how long Pub/Sub has said nothing.
func (s *status) unheardFor(now time.Time) time.Duration {
	return now.Sub(time.Unix(0, s.heard.Load()))
}

// setPubSub notes how Pub/Sub answered, and reports whether it fell silent or
// speaks again.
func (s *status) setPubSub(err error) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = (err == nil) != (s.pubsub == nil)
	s.pubsub = err
	return changed
}

func (s *status) setReceiving(on bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiving, s.receiveErr = on, err
}

// setDatabase notes the result of the last transaction, and reports whether the
// database went away or came back.
func (s *status) setDatabase(err error) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = (err == nil) != (s.database == nil)
	s.database = err
	if err == nil {
		s.lastCommit = time.Now()
	}
	return changed
}

// refuse notes that n more messages are held apart, and why. It reports whether
// those are the first.
func (s *status) refuse(n int, why error) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused += n
	switch {
	case s.refused == 0:
		s.refusedWhy = nil
	case why != nil:
		s.refusedWhy = why
	}
	return n > 0 && s.refused == n
}

// hold notes that messages have been waiting since a time, until release is called.
// Those that no writer has taken yet are younger.
func (s *status) hold(since time.Time) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holding == nil {
		s.holding = map[*time.Time]bool{}
	}
	s.holding[&since] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.holding, &since)
	}
}

func (s *status) count(d *events.Delivery, o events.Outcome) {
	switch o {
	case events.Recorded:
		s.recorded.Add(1)
		s.items.Add(uint64(len(d.Event.Items)))
	case events.Duplicate:
		s.duplicates.Add(1)
	case events.Quarantined:
		s.quarantined.Add(1)
	}
}
