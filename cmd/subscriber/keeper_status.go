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
	changes map[subscriptions.Kind]int // since start
	failed  int                        // passes, since start
}

func (s *keeperStatus) passed(r subscriptions.Report, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed++
		return
	}
	s.at, s.last = time.Now(), r
	if s.changes == nil {
		s.changes = map[subscriptions.Kind]int{}
	}
	for kind, n := range r.Actions {
		if kind.Mutates() {
			s.changes[kind] += n
		}
	}
}

// read calls fn with the status held still.
func (s *keeperStatus) read(fn func(*keeperStatus) float64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fn(s)
}
