package ingest

import (
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
	DatabaseDown error     // why the database takes no events; nil while it does
	Held         int       // messages that wait for their commit
	LastCommit   time.Time // zero before the first

	Recorded, Duplicates, Quarantined uint64 // messages, since start
	Items                             uint64 // items of recorded messages, since start
}

// SilentAfter is how long Pub/Sub may say nothing before the stream counts as
// dead: the client library asks for a sign of life every 30 seconds.
const SilentAfter = 75 * time.Second

// Silent reports whether the stream has been silent for too long.
func (s Status) Silent(now time.Time) bool {
	return s.Receiving && !s.LastHeard.IsZero() && now.Sub(s.LastHeard) > SilentAfter
}

type status struct {
	heard *atomic.Int64 // unix nanoseconds, written by the client's streams
	held  atomic.Int64

	recorded, duplicates, quarantined, items atomic.Uint64

	mu         sync.Mutex
	receiving  bool
	receiveErr error
	database   error
	lastCommit time.Time
}

// Status returns the worker's present condition.
func (w *Worker) Status() Status {
	s := &w.status
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Status{
		Receiving: s.receiving, ReceiveError: s.receiveErr, DatabaseDown: s.database,
		Held: int(s.held.Load()), LastCommit: s.lastCommit,
		Recorded: s.recorded.Load(), Duplicates: s.duplicates.Load(),
		Quarantined: s.quarantined.Load(), Items: s.items.Load(),
	}
	if ns := s.heard.Load(); ns != 0 {
		out.LastHeard = time.Unix(0, ns)
	}
	return out
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
