package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// samplesPerHour is how many evaluations of a rule that came to one outcome in
// an hour are kept, those of runs among them. All are counted. samplesAtOnce bounds
// what one Flush saves of all: a thousand rules take theirs in turns.
const (
	samplesPerHour = 50
	samplesAtOnce  = 2000
)

// countShards spreads runs that end at once over rows of one count: each waits
// for the commits of those before it in its row. With one row, 20 connections end
// a third as many runs a second. What is sampled counts in shard 0 alone: there
// stands how many samples there are.
const countShards = 4

// tally is a count that goes up.
type tally struct {
	hour    time.Time
	reactor string
	outcome reactors.Outcome
	shadow  bool
}

// evaluations gathers in memory what led to no run, until Flush saves it: a
// thousand rules may say no to each message.
type evaluations struct {
	mu      sync.Mutex
	hour    time.Time
	counts  map[tally]*counted
	refused map[*reactors.Asked]*refusals // in this hour
	samples int                           // how many the counts hold
}

// counted is what Flush has yet to save of a tally.
type counted struct {
	n       int
	samples []reactors.Intent // some of these n
	sampled int               // how many are taken of this hour, as far as is known
}

// refusals are how often the rules of a list said no since the last Flush.
type refusals struct {
	n      int
	except []int   // by how much it was less often, by position; nil: not at all
	open   []int32 // positions of rules that may have samples left in this hour
}

// Evaluated counts evaluations that were committed and led to no run: what Claim
// returned, and what rules refused. They are saved by the next Flush. A process
// that is killed before loses them; none is counted twice.
func (s *Runs) Evaluated(ended []reactors.Intent, refused []reactors.Refusal) {
	if len(ended) == 0 && len(refused) == 0 {
		return
	}
	e := &s.evaluations
	e.mu.Lock()
	defer e.mu.Unlock()
	e.begin(s.db.Now())
	for i := range ended {
		c := e.of(ended[i].Reactor, ended[i].Outcome, ended[i].Shadow)
		c.n++
		e.sample(c, func() reactors.Intent { return ended[i] })
	}
	for i := range refused {
		e.refuse(&refused[i])
	}
}

// begin turns to the hour of a time.
func (e *evaluations) begin(now time.Time) {
	hour := now.UTC().Truncate(time.Hour)
	if hour.Equal(e.hour) {
		return
	}
	e.add()
	for t, c := range e.counts {
		if c.n == 0 {
			delete(e.counts, t)
		}
	}
	e.hour, e.refused = hour, map[*reactors.Asked]*refusals{}
	if e.counts == nil {
		e.counts = map[tally]*counted{}
	}
}

// of returns a count of this hour.
func (e *evaluations) of(reactor string, outcome reactors.Outcome, shadow bool) *counted {
	t := tally{e.hour, reactor, outcome, shadow}
	c := e.counts[t]
	if c == nil {
		c = &counted{}
		e.counts[t] = c
	}
	return c
}

// sample keeps an evaluation if the hour's budget allows; full says that it is spent.
func (e *evaluations) sample(c *counted, of func() reactors.Intent) (full bool) {
	if c.sampled+len(c.samples) >= samplesPerHour {
		return true
	}
	if e.samples < samplesAtOnce {
		c.samples = append(c.samples, of())
		e.samples++
	}
	return false
}

func (e *evaluations) refuse(r *reactors.Refusal) {
	list := e.refused[r.Asked]
	if list == nil {
		list = &refusals{open: make([]int32, len(r.Asked.Rules))}
		for i := range list.open {
			list.open[i] = int32(i)
		}
		e.refused[r.Asked] = list
	}
	list.n++
	if len(r.Except) > 0 && list.except == nil {
		list.except = make([]int, len(r.Asked.Rules))
	}
	for _, i := range r.Except {
		list.except[i]++
	}
	if e.samples >= samplesAtOnce {
		return
	}
	list.open = slices.DeleteFunc(list.open, func(i int32) bool {
		if _, not := slices.BinarySearch(r.Except, i); not {
			return false
		}
		rule := r.Asked.Rules[i]
		return e.sample(e.of(rule.Reactor, reactors.ConditionFalse, rule.Shadow), func() reactors.Intent { return r.Intent(i) })
	})
}

// add adds the refusals of lists to the counts of their rules.
func (e *evaluations) add() {
	for asked, list := range e.refused {
		for i, rule := range asked.Rules {
			n := list.n
			if list.except != nil {
				n -= list.except[i]
			}
			if n > 0 {
				e.of(rule.Reactor, reactors.ConditionFalse, rule.Shadow).n += n
			}
		}
		list.n, list.except = 0, nil
	}
}

// flushAtOnce bounds the counts of one transaction: while it runs, runs that
// come to the same outcomes wait.
const flushAtOnce = 500

// Flush saves what was evaluated since the last time, and returns how many
// counts that were. What an error leaves is saved the next time; but if it isn't
// known whether the database has it, it is dropped.
func (s *Runs) Flush(ctx context.Context) (saved int, err error) {
	e := &s.evaluations
	e.mu.Lock()
	e.begin(s.db.Now())
	e.add()
	due := map[tally]counted{}
	var tallies []tally
	for t, c := range e.counts {
		if c.n > 0 {
			due[t] = *c
			tallies = append(tallies, t)
			c.n, c.samples = 0, nil
		}
	}
	e.samples = 0
	e.mu.Unlock()
	for some := range slices.Chunk(tallies, flushAtOnce) {
		if err == nil {
			if err = s.saveCounts(ctx, some, due); err == nil {
				saved += len(some)
				continue
			}
			if errors.Is(err, errUnknown) {
				continue
			}
		}
		e.putBack(some, due)
	}
	return saved, err
}

// errUnknown marks an error after which a transaction may have been committed.
var errUnknown = errors.New("it isn't known whether they are")

// flushEvery is how often KeepFlushing flushes. Each count that a flush has saved
// puts off the next one, so that a thousand busy rules don't write without end.
const (
	flushEvery    = 5 * time.Second
	flushPerCount = 50 * time.Millisecond
	lastFlush     = 2 * time.Second // at most: the grace of a stop is over by then
)

// KeepFlushing calls Flush every few seconds until ctx ends, and once more then.
func (s *Runs) KeepFlushing(ctx context.Context) {
	var saved int
	var err error
	for gax.Sleep(ctx, flushEvery+time.Duration(saved)*flushPerCount) == nil {
		saved, err = s.Flush(ctx)
		var unconnected *pgconn.ConnectError // which the store logs
		if err != nil && ctx.Err() == nil && !errors.As(err, &unconnected) {
			s.db.Log().Warn("evaluations without a run not counted; retrying", zap.Error(err))
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	if _, err := s.Flush(ctx); err != nil {
		s.db.Log().Warn("evaluations without a run not counted; the last seconds of them are lost", zap.Error(err))
	}
}

// putBack takes back what wasn't saved.
func (e *evaluations) putBack(some []tally, due map[tally]counted) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range some {
		c := e.counts[t]
		if c == nil {
			c = &counted{}
			e.counts[t] = c
		}
		c.n += due[t].n
		all := append(due[t].samples, c.samples...)
		all = all[:min(len(all), samplesPerHour)] // however often it fails
		e.samples += len(all) - len(c.samples)
		c.samples = all
	}
}

// saveCounts saves counts with as many of their samples as the hour's budget,
// which all replicas share, has left.
func (s *Runs) saveCounts(ctx context.Context, some []tally, due map[tally]counted) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	sampled, committing := map[tally]int{}, false
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		if sampled, err = count(ctx, tx, some, due); err != nil {
			return err
		}
		var samples []reactors.Intent
		for _, t := range some {
			offered := due[t].samples
			before := sampled[t] - len(offered)
			samples = append(samples, offered[:min(max(0, samplesPerHour-before), len(offered))]...)
		}
		err = s.saveSamples(ctx, tx, samples)
		committing = err == nil
		return err
	})
	var refused *pgconn.PgError
	if err != nil && committing && !errors.As(err, &refused) {
		err = fmt.Errorf("%w: %w", errUnknown, err)
	}
	if err != nil {
		return fmt.Errorf("save evaluations: %w", err)
	}
	e := &s.evaluations
	e.mu.Lock()
	defer e.mu.Unlock()
	for t, n := range sampled {
		if c := e.counts[t]; c != nil {
			c.sampled = n
		}
	}
	return nil
}

// count raises counts and returns how many samples were offered to each by then.
func count(ctx context.Context, tx pgx.Tx, some []tally, due map[tally]counted) (sampled map[tally]int, err error) {
	rows, _ := tx.Query(ctx, `
		INSERT INTO reactor_counts AS c (hour, count, sampled, shard, reactor, outcome, shadow)
		SELECT hour, number, offered, 0, reactor, outcome, shadow
		FROM unnest(@hours::timestamptz[], @numbers::bigint[], @offered::integer[], @reactors::text[], @outcomes::text[], @shadows::boolean[])
			AS i (hour, number, offered, reactor, outcome, shadow)
		ORDER BY hour, reactor, outcome, shadow -- two transactions lock in one order
		ON CONFLICT (hour, reactor, outcome, shadow, shard) DO UPDATE SET
			count = c.count + excluded.count,
			sampled = c.sampled + excluded.sampled
		RETURNING hour, reactor, outcome, shadow, sampled`, pgx.NamedArgs{
		"hours":    store.Column(some, func(t *tally) time.Time { return t.hour }),
		"numbers":  store.Column(some, func(t *tally) int { return due[*t].n }),
		"offered":  store.Column(some, func(t *tally) int { return len(due[*t].samples) }),
		"reactors": store.Column(some, func(t *tally) string { return t.reactor }),
		"outcomes": store.Column(some, func(t *tally) string { return string(t.outcome) }),
		"shadows":  store.Column(some, func(t *tally) bool { return t.shadow }),
	})
	sampled = make(map[tally]int, len(some))
	var t tally
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&t.hour, &t.reactor, &t.outcome, &t.shadow, &n}, func() error {
		t.hour = t.hour.UTC()
		sampled[t] = n
		return nil
	}); err != nil {
		return nil, fmt.Errorf("count outcomes: %w", err)
	}
	return sampled, nil
}

func (s *Runs) saveSamples(ctx context.Context, tx pgx.Tx, kept []reactors.Intent) error {
	if len(kept) == 0 {
		return nil
	}
	text := func(field func(*reactors.Intent) string) []string { return store.Column(kept, field) }
	if _, err := tx.Exec(ctx, `
		INSERT INTO reactor_evaluations (at, event_time, shadow, reactor, trigger, outcome, subject, space, member, reason)
		SELECT @now, event_time, shadow, reactor, trigger, outcome, subject, space, member, NULLIF(reason, '')
		FROM unnest(@event_times::timestamptz[], @shadows::boolean[], @reactors::text[], @triggers::text[], @outcomes::text[],
			@subjects::text[], @spaces::text[], @members::text[], @reasons::text[])
			AS i (event_time, shadow, reactor, trigger, outcome, subject, space, member, reason)`,
		pgx.NamedArgs{
			"now":         s.db.Now().UTC(),
			"event_times": store.Column(kept, func(in *reactors.Intent) time.Time { return store.Microseconds(in.EventTime) }),
			"shadows":     store.Column(kept, func(in *reactors.Intent) bool { return in.Shadow }),
			"reactors":    text(func(in *reactors.Intent) string { return in.Reactor }),
			"triggers":    text(func(in *reactors.Intent) string { return string(in.Trigger) }),
			"outcomes":    text(func(in *reactors.Intent) string { return string(in.Outcome) }),
			"subjects":    text(func(in *reactors.Intent) string { return in.Subject }),
			"spaces":      text(func(in *reactors.Intent) string { return in.Space }),
			"members":     text(func(in *reactors.Intent) string { return in.Member }),
			"reasons":     text(func(in *reactors.Intent) string { return store.Clean(in.Reason) }),
		}); err != nil {
		return fmt.Errorf("save a sample: %w", err)
	}
	return nil
}
