package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// A breaker opens when the newest attempts of failingSources failed, and these are
// half of those that the last attempts came from. The sources of the whole Chat API
// are spaces and people, those of one of them, or of a host, are runs: one message
// that the other side can't digest doesn't stop the others. Then one attempt every
// openFor finds out whether the other side is back.
const (
	failingSources = 3
	lastAttempts   = 20
	openFor        = 150 * time.Second
	remembered     = 4 // times openFor: older attempts tell nothing
)

// breakers stop calls to what doesn't work. There is one for the Chat API as a whole,
// for each space and person, for each host, and for each action that names none of
// these. Each process has its own.
type breakers struct {
	log     *zap.Logger
	openFor time.Duration
	changed chan struct{} // told that call may have more to say

	mu       sync.Mutex
	byKey    map[string]*breaker
	waitsFor map[int64]*breaker // by run
	called   map[int64]*breaker // that runs were called to try
	released []ask              // runs that may go on: what they waited for works
}

type breaker struct {
	last    []attempted   // the newest last
	until   time.Time     // nobody may ask the other side before; zero: it is closed
	trial   bool          // somebody is finding out
	asking  int           // attempts under way
	called  time.Time     // when a run was last called to do so
	waiting map[int64]ask // runs that were refused
}

type attempted struct {
	source string
	failed bool
	at     time.Time
}

// ask is a run that wants to make an attempt.
type ask struct {
	run   int64
	event time.Time     // of the run
	tries int           // attempts of its request that did not go through
	left  time.Duration // until the run is too old
	to    []string      // the breakers that it concerns
	host  bool          // it reaches a host that may take its time: see maxAsking
}

// chatKey is the breaker of the whole Chat API.
const chatKey = "chat"

func newBreakers(log *zap.Logger, openFor time.Duration) *breakers {
	return &breakers{
		log: log, openFor: openFor, changed: make(chan struct{}, 1),
		byKey: map[string]*breaker{}, waitsFor: map[int64]*breaker{}, called: map[int64]*breaker{},
	}
}

// breakersOf names the breakers that an attempt at a request concerns.
func breakersOf(r *reactors.Request) []string {
	to := cmp.Or(r.To, r.Action)
	if r.Write != nil {
		to = cmp.Or(r.Write.Space, to)
	}
	if strings.HasPrefix(to, "spaces/") || strings.HasPrefix(to, "users/") {
		return []string{chatKey, to}
	}
	return []string{to}
}

// maxAsking bounds the attempts at one host that are under way, so that one which
// takes long to answer leaves workers to others.
const maxAsking = MaxWorkers / 3

const (
	maxBreakers = 10_000  // beyond it closed ones are dropped
	maxWaiting  = 100_000 // runs beyond it aren't woken, but come back by themselves
	maxWoken    = 1000    // at once
)

func (b *breakers) get(key string) *breaker {
	if found := b.byKey[key]; found != nil {
		return found
	}
	if len(b.byKey) >= maxBreakers {
		for k, old := range b.byKey {
			if !old.open() && old.asking == 0 {
				delete(b.byKey, k)
			}
		}
	}
	made := &breaker{waiting: map[int64]ask{}}
	b.byKey[key] = made
	return made
}

// OpenBreakers is how many of the process's breakers let no attempt through.
func (d *Dispatcher) OpenBreakers() (n int) {
	d.breakers.mu.Lock()
	defer d.breakers.mu.Unlock()
	for _, k := range d.breakers.byKey {
		if k.open() {
			n++
		}
	}
	return n
}

func (k *breaker) open() bool { return !k.until.IsZero() }

// permit allows one attempt.
type permit struct {
	breakers *breakers
	ask      ask
	trials   []*breaker // that the attempt finds out about
}

// allow asks for a permit. If there is none, wait says when the run should come back
// if nobody has woken it before.
func (b *breakers) allow(a ask) (p *permit, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for _, key := range a.to {
		if k := b.get(key); k.open() && (k.trial || now.Before(k.until)) || a.host && k.asking >= maxAsking {
			return nil, b.wait(k, a)
		}
	}
	b.forgetLocked(a.run)
	delete(b.called, a.run)
	p = &permit{breakers: b, ask: a}
	for _, key := range a.to {
		k := b.get(key)
		k.asking++
		if k.open() {
			k.trial = true
			p.trials = append(p.trials, k)
		}
	}
	return p, 0
}

// refused lets a run whose attempt has failed wait for a breaker that is open; 0 if
// none is.
func (b *breakers) refused(a ask) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range a.to {
		if k := b.get(key); k.open() {
			return b.wait(k, a)
		}
	}
	return 0
}

// wait notes that a run waits. It is woken; should that fail, it comes back by itself
// while there is time.
func (b *breakers) wait(k *breaker, a ask) time.Duration {
	b.forgetLocked(a.run)
	if len(b.waitsFor) < maxWaiting {
		k.waiting[a.run], b.waitsFor[a.run] = a, k
		if len(k.waiting) == 1 {
			b.tell()
		}
	}
	return min(max(a.left/2, b.openFor), 10*b.openFor)
}

// forget drops a run that doesn't wait any more: it has ended, or is paused. If it was
// called to find out whether the other side is back, another is called at once.
func (b *breakers) forget(run int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetLocked(run)
	if k := b.called[run]; k != nil {
		delete(b.called, run)
		k.called = time.Time{}
		b.tell()
	}
}

func (b *breakers) forgetLocked(run int64) {
	if k := b.waitsFor[run]; k != nil {
		delete(k.waiting, run)
		delete(b.waitsFor, run)
	}
}

func (b *breakers) tell() {
	select {
	case b.changed <- struct{}{}:
	default: // it knows
	}
}

// works reports whether an answer shows that the other side works. A refusal and
// a request for patience show it, too.
func works(err error) bool {
	return err == nil || reactors.IsPermanent(err) || reactors.IsThrottled(err)
}

// done tells the breakers how the attempt ended. What fails while the Chat API is
// being tried says nothing of the space.
func (p *permit) done(err error) {
	b := p.breakers
	b.mu.Lock()
	defer b.mu.Unlock()
	p.leave()
	now := time.Now()
	failed := !works(err)
	for i, key := range p.ask.to {
		k := b.get(key)
		switch {
		case slices.Contains(p.trials, k):
			b.tell()
			if k.trial = false; !failed {
				b.close(key, k)
				break
			}
			k.until = now.Add(b.openFor)
		case k.open(): // the attempt began before it opened
		default:
			source := strconv.FormatInt(p.ask.run, 10)
			if i < len(p.ask.to)-1 {
				source = p.ask.to[i+1]
			}
			k.last = append(k.last[max(0, len(k.last)-lastAttempts+1):], attempted{source, failed, now})
			if failed && k.troubled(now.Add(-remembered*b.openFor)) {
				k.until = now.Add(b.openFor)
				b.tell()
				b.log.Warn("the other side fails; it is tried now and then", zap.String("other_side", key), zap.Duration("tried_every", b.openFor))
			}
		}
		if failed && k.open() {
			p.unusedLocked(i + 1)
			break
		}
	}
}

// unused ends a permit whose attempt was not made: another may make it.
func (p *permit) unused() {
	p.breakers.mu.Lock()
	defer p.breakers.mu.Unlock()
	p.leave()
	p.unusedLocked(0)
}

// leave makes room for another attempt, and lets the oldest that waits for it go on.
func (p *permit) leave() {
	for _, key := range p.ask.to {
		k := p.breakers.get(key)
		if k.asking--; k.open() || len(k.waiting) == 0 {
			continue
		}
		first := k.first(older)
		p.breakers.forgetLocked(first.run)
		p.breakers.released = append(p.breakers.released, first)
		p.breakers.tell()
	}
}

func (p *permit) unusedLocked(from int) {
	for _, key := range p.ask.to[from:] {
		if k := p.breakers.get(key); slices.Contains(p.trials, k) {
			k.trial = false
			p.breakers.tell()
		}
	}
}

// troubled reports whether the attempts since a time say that the other side fails.
func (k *breaker) troubled(since time.Time) bool {
	seen, failing := map[string]bool{}, 0
	for _, a := range slices.Backward(k.last) {
		if a.at.Before(since) {
			break
		}
		if !seen[a.source] && a.failed {
			failing++
		}
		seen[a.source] = true
	}
	return failing >= failingSources && 2*failing >= len(seen)
}

func (b *breakers) close(key string, k *breaker) {
	for run, called := range b.called {
		if called == k {
			delete(b.called, run)
		}
	}
	b.log.Info("the other side works again; what waits for it goes on", zap.String("other_side", key), zap.Int("runs", len(k.waiting)))
	for run, a := range k.waiting {
		b.released = append(b.released, a)
		b.forgetLocked(run)
	}
	k.until, k.last = time.Time{}, nil
}

// call takes the runs that are to be woken, the oldest first: those that waited for
// what works again or has room, and for each open breaker that may be tried one,
// whose request was tried least. next is when to ask again.
func (b *breakers) call() (calls []ask, next time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	slices.SortFunc(b.released, older)
	n := min(len(b.released), maxWoken)
	calls, b.released, next = slices.Clone(b.released[:n]), b.released[n:], b.openFor
	if len(b.released) > 0 {
		next = wakeAgain
	}
	for _, k := range b.byKey {
		if k.trial || len(k.waiting) == 0 {
			continue
		}
		if !k.open() {
			if k.asking == 0 { // who was to go on next has ended otherwise
				first := k.first(older)
				b.forgetLocked(first.run)
				calls = append(calls, first)
			}
			continue
		}
		// Who was called may have something else to wait for.
		if left := max(k.until.Sub(now), k.called.Add(b.openFor/10).Sub(now)); left > 0 {
			next = min(next, left)
			continue
		}
		first := k.first(func(a, b ask) int { return cmp.Or(cmp.Compare(a.tries, b.tries), older(a, b)) })
		b.forgetLocked(first.run)
		k.called, b.called[first.run] = now, k
		calls = append(calls, first)
		next = min(next, b.openFor/10)
	}
	return calls, next
}

// first is the first of those that wait, of which there are some.
func (k *breaker) first(order func(a, b ask) int) (first ask) {
	found := false
	for _, a := range k.waiting {
		if !found || order(a, first) < 0 {
			first, found = a, true
		}
	}
	return first
}

func older(a, b ask) int { return cmp.Or(a.event.Compare(b.event), cmp.Compare(a.run, b.run)) }

// again puts calls back that nobody has heard.
func (b *breakers) again(calls []ask) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = append(b.released, calls...)
}
