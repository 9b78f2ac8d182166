package engine

import (
	"context"
	"crypto/sha256"
	"sync"
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
// for the next look. load reads the file and what it refers to, which may take
// long: it returns when its context ends, as it does when the file has changed
// once more.
func (s *RuleSet) Watch(ctx context.Context, path string, load func(context.Context) (*rules.Set, error), log *zap.Logger) error {
	type loaded struct {
		set *rules.Set
		err error
	}
	var (
		tick    = time.NewTicker(watchInterval)
		loading sync.WaitGroup
		abandon = func() {}
		done    chan loaded // of the load that is under way; nil if none is
	)
	defer loading.Wait()
	defer func() { abandon() }()
	defer tick.Stop()
	start := func() (chan loaded, context.CancelFunc) {
		within, cancel := context.WithCancel(ctx)
		done := make(chan loaded, 1) // so that what is abandoned can end
		loading.Go(func() {
			set, err := load(within)
			done <- loaded{set, err}
		})
		return done, cancel
	}
	seen, read, complaint := digest(path), time.Now(), ""
	last := seen
	for {
		select {
		case <-tick.C:
			now := digest(path)
			settled := now == last
			last = now
			if !settled || now == seen && (done != nil || time.Since(read) < rereadInterval) {
				continue
			}
			abandon()
			seen, read = now, time.Now()
			done, abandon = start()
		case l := <-done:
			if ctx.Err() != nil {
				return nil
			}
			done = nil
			complaint = s.take(l.set, l.err, path, complaint, log)
		case <-ctx.Done():
			return nil
		}
	}
}

// take puts what was loaded into force, and returns what is wrong with it, which
// it has logged unless that was the complaint before.
func (s *RuleSet) take(set *rules.Set, err error, path, complaint string, log *zap.Logger) string {
	switch {
	case err != nil:
		if err.Error() != complaint {
			log.Error("new rules have mistakes; the previous rules stay in force", zap.String("file", path), zap.Error(err))
		}
		return err.Error()
	case set.Hash != s.Set().Hash:
		if gone := s.Set().Gone(set); len(gone) > 0 {
			log.Warn("steps of sequences gone; runs that wait for them will fail unless another step gets the id", zap.Strings("steps", gone))
		}
		s.set.Store(set)
		log.Info("new rules in force", zap.String("file", path), zap.String("hash", set.Hash), zap.Int("rules", len(set.Rules())))
	}
	return ""
}

// digest hashes the file's content; zero if it can't be read.
func digest(path string) (sum [sha256.Size]byte) {
	if raw, err := readfile.Regular(path, readfile.Text); err == nil {
		sum = sha256.Sum256(raw)
	}
	return sum
}
