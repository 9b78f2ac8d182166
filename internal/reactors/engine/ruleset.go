package engine

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

// RuleSet holds the rules in force. Any number of goroutines may use it; each call
// sees one set of rules or the next, never a mixture.
type RuleSet struct {
	set atomic.Pointer[rules.Set]
}

// NewRuleSet returns a RuleSet that holds these rules.
func NewRuleSet(set *rules.Set) *RuleSet {
	s := &RuleSet{}
	s.set.Store(set)
	return s
}

// Plan implements reactors.Planner.
func (s *RuleSet) Plan(c reactors.Change) reactors.Plan { return s.set.Load().Plan(c) }

// Rule returns a rule as it is for a space; nil if there is none.
func (s *RuleSet) Rule(id, space string) *rules.Rule { return s.set.Load().Rule(id, space) }

// Set returns the rules in force.
func (s *RuleSet) Set() *rules.Set { return s.set.Load() }

// Watch looks at the file every watchInterval, and reads it again every
// rereadInterval since the cards and modules that it names may change without it.
const (
	watchInterval  = time.Second / 2
	rereadInterval = 15 * time.Second
)

// Watch puts the file's rules into force whenever it changes, until ctx ends.
// Rules with a mistake never replace those without. A file that changes between
// two looks is still being written, and half of it may be valid rules: Watch waits
// for the next look. load reads the file and what it refers to.
func (s *RuleSet) Watch(ctx context.Context, path string, load func() (*rules.Set, error), log *zap.Logger) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	seen, read, complaint := digest(path), time.Now(), ""
	last := seen
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		now := digest(path)
		settled := now == last
		last = now
		if !settled || now == seen && time.Since(read) < rereadInterval {
			continue
		}
		seen, read = now, time.Now()
		set, err := load()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && err.Error() != complaint:
			complaint = err.Error()
			log.Error("new rules have mistakes; the previous rules stay in force", zap.String("file", path), zap.Error(err))
		case err != nil: // said already
		case set.Hash == s.Set().Hash:
			complaint = ""
		default:
			complaint = ""
			s.set.Store(set)
			log.Info("new rules in force", zap.String("file", path), zap.String("hash", set.Hash), zap.Int("rules", len(set.Rules())))
		}
	}
}

// digest hashes the file's content; zero if it can't be read.
func digest(path string) (sum [sha256.Size]byte) {
	if raw, err := readfile.Regular(path, readfile.Text); err == nil {
		sum = sha256.Sum256(raw)
	}
	return sum
}
