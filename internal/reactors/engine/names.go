package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/decide"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
)

// Directory looks up in Chat what no event has told. An error that is permanent
// says that nobody can tell.
type Directory interface {
	SpaceName(ctx context.Context, space string) (displayName, spaceType string, err error)
	Person(ctx context.Context, space, user string) (facts.Person, error)
	Message(ctx context.Context, name string) (events.Message, error)
}

// lookedUpState looks up what no event has told, once for all who ask at the same
// time: names of spaces and people are stored, messages are not. Runs wait for
// it; if Chat can't tell for patience after they were due, they go without.
type lookedUpState struct {
	decide.State
	eventLog  *eventlog.Log
	directory Directory
	log       *zap.Logger

	mu      sync.Mutex
	lookups map[string]*lookup // by what is looked up: those under way, and those that failed
}

// lookup is one that is under way, or has failed. Once it has ended it stays as it is.
type lookup struct {
	done     chan struct{} // closed when it has ended
	ended    bool
	value    any
	err      error
	failures int
	again    time.Time // not before
}

const (
	// patience is how long a run waits for Chat to tell.
	patience = time.Minute
	// lookUpAgain is how long what nobody can tell isn't asked again.
	lookUpAgain = 10 * time.Minute
	// lookUpWait is how long a worker waits for what another one looks up; then
	// the run is put back.
	lookUpWait = time.Second
)

// FactsOfAll implements [decide.State].
func (s *lookedUpState) FactsOfAll(ctx context.Context, runs []reactors.Run, needs reactors.Needs, at time.Time) ([]reactors.Facts, error) {
	all, err := s.State.FactsOfAll(ctx, runs, needs, at)
	if err != nil {
		return nil, err
	}
	stored, ask := false, needs
	for i, run := range runs {
		one, err := s.lookUp(ctx, run, ask, &all[i], at)
		if err != nil {
			return nil, err
		}
		stored, ask = stored || one, needs&^reactors.NeedSpace // the others are of the same
	}
	if stored {
		if all, err = s.State.FactsOfAll(ctx, runs, needs, at); err != nil {
			return nil, err
		}
	}
	for i, run := range runs {
		if err := s.readMessage(ctx, run, needs, &all[i], at); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// lookUp stores what no event has told of a run's space and its member, and reports
// whether there was something to store.
func (s *lookedUpState) lookUp(ctx context.Context, run reactors.Run, needs reactors.Needs, f *reactors.Facts, at time.Time) (
	stored bool, err error,
) {
	if needs&reactors.NeedSpace != 0 && f.Space.DisplayName == facts.UnknownSpace && run.Space != "" {
		_, err := once(ctx, s, "the name of "+run.Space, func(ctx context.Context) (any, error) {
			name, kind, err := s.directory.SpaceName(ctx, run.Space)
			if err != nil {
				return nil, err
			}
			return nil, s.eventLog.NameSpace(ctx, run.Space, name, kind)
		})
		if err != nil && s.waits(ctx, err, run, at) {
			return false, err
		}
		stored = err == nil
	}
	// Google tells nothing of who has left.
	if needs&f.Untold()&ofPeople != 0 && run.Trigger != reactors.MemberLeft && events.IsAccount(f.Member.Name) {
		_, err := once(ctx, s, f.Member.Name+" in "+run.Space, func(ctx context.Context) (any, error) {
			p, err := s.directory.Person(ctx, run.Space, f.Member.Name)
			if err != nil {
				return nil, err
			}
			return nil, s.eventLog.KeepPerson(ctx, run.Space, f.Member.Name, p)
		})
		if err != nil && s.waits(ctx, err, run, at) {
			return false, err
		}
		stored = stored || err == nil
	}
	return stored, nil
}

// readMessage reads a message that isn't recorded.
func (s *lookedUpState) readMessage(ctx context.Context, run reactors.Run, needs reactors.Needs, f *reactors.Facts, at time.Time) error {
	if needs&f.Untold()&reactors.NeedMessage == 0 || f.Message.Thread != "" {
		return nil
	}
	m, err := once(ctx, s, f.Message.Name, func(ctx context.Context) (events.Message, error) {
		return s.directory.Message(ctx, f.Message.Name)
	})
	switch {
	case err == nil:
		f.Message.Tell(&m)
		f.Derive()
	case s.waits(ctx, err, run, at):
		return err
	}
	return nil
}

const ofPeople = reactors.NeedMember | reactors.NeedAffiliation

// waits reports whether a run is tried again because of what couldn't be looked up.
func (s *lookedUpState) waits(ctx context.Context, err error, run reactors.Run, at time.Time) bool {
	return ctx.Err() != nil || !reactors.IsPermanent(err) && at.Sub(run.Due) < patience
}

var errLookedUp = errors.New("it is being looked up")

// once looks something up, unless that is under way, which it waits for, or has
// just failed.
func once[T any](ctx context.Context, s *lookedUpState, what string, look func(context.Context) (T, error)) (value T, err error) {
	s.mu.Lock()
	before := s.lookups[what]
	switch {
	case before != nil && !before.ended:
		s.mu.Unlock()
		if err := before.wait(ctx, what); err != nil {
			return value, err
		}
		value, _ = before.value.(T)
		return value, nil
	case before != nil && time.Now().Before(before.again):
		s.mu.Unlock()
		return value, before.err
	case s.lookups == nil || len(s.lookups) > maxLookups:
		s.lookups = map[string]*lookup{}
	}
	l := &lookup{done: make(chan struct{})}
	s.lookups[what] = l
	s.mu.Unlock()

	value, err = look(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(l.done)
	l.ended, l.value, l.err = true, value, err
	if err == nil {
		delete(s.lookups, what)
		return value, nil
	}
	if before != nil {
		l.failures = before.failures + 1
	}
	l.again = time.Now().Add(jobs.Backoff(l.failures))
	if reactors.IsPermanent(err) {
		l.again = time.Now().Add(lookUpAgain)
	}
	s.log.Warn("something not looked up in Chat; asking again later", zap.String("what", what), zap.Time("again", l.again), zap.Error(err))
	return value, err
}

// maxLookups bounds what is remembered of failures.
const maxLookups = 10_000

// wait waits until the look-up has ended.
func (l *lookup) wait(ctx context.Context, what string) error {
	within, cancel := context.WithTimeout(ctx, lookUpWait)
	defer cancel()
	select {
	case <-l.done:
		return l.err
	case <-within.Done():
		return fmt.Errorf("look up %s: %w", what, errLookedUp)
	}
}
