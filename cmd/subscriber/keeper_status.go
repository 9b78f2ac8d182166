package main

import (
	"sync"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// keeperStatus is what this process knows of the keeper's passes. Another
// replica may have made the newest.
type keeperStatus struct {
	mu      sync.Mutex
	at      time.Time // of the last pass that went through
	last    subscriptions.Report
	gaps    map[string]int             // by state, after that pass
	changes map[subscriptions.Kind]int // since start
	failed  int                        // passes, since start
}

// passed notes a pass, and the gaps that there are after it.
func (s *keeperStatus) passed(r subscriptions.Report, gaps map[string]int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed++
		return
	}
	s.at, s.last, s.gaps = time.Now(), r, gaps
	if s.changes == nil {
		s.changes = map[subscriptions.Kind]int{}
	}
	for kind, n := range r.Actions {
		if kind.Mutates() {
			s.changes[kind] += n
		}
	}
}

// hasPassed reports whether there was a pass.
func (s *keeperStatus) hasPassed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.at.IsZero()
}

// read calls fn with the status held still.
func (s *keeperStatus) read(fn func(*keeperStatus) float64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fn(s)
}
