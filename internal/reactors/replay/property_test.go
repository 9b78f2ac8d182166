package replay_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

var epoch = time.Date(2026, time.November, 1, 6, 0, 0, 0, time.UTC)

// live is a worker with a clock of its own. The store outlives the rules.
type live struct {
	store   *storetest.Env
	ruleSet atomic.Pointer[engine.RuleSet]
	clock   atomic.Pointer[time.Time]
}

func (l *live) Plan(c reactors.Change) reactors.Plan { return l.ruleSet.Load().Plan(c) }
func (l *live) now() time.Time                       { return *l.clock.Load() }
func (l *live) set(t time.Time)                      { l.clock.Store(&t) }

func newLive(t *testing.T) *live {
	l := &live{}
	l.set(epoch)
	l.store = storetest.New(t, storetest.Options{Planner: l, Now: l.now})
	return l
}

// work lives through a history: it records what happens, and carries out what
// falls due, an event before what falls due at the same time.
func (l *live) work(ctx context.Context, set *rules.Set, says *say, prefix string, history []events.Delivery, since, until time.Time) error {
	l.set(since)
	ruleSet := engine.NewRuleSet(set)
	l.ruleSet.Store(ruleSet)
	dispatcher := engine.NewDispatcher(ruleSet, []reactors.Action{says}, l.store.Runs, l.store.Log, zap.NewNop(), engine.Options{Now: l.now})
	scheduler := engine.NewScheduler(ruleSet, l.store.Runs, l.store.Log, l.now)
	type moment struct {
		at    time.Time
		event *events.Delivery // nil: a tick
	}
	var moments []moment
	for i := range history {
		moments = append(moments, moment{history[i].Event.Time, &history[i]})
	}
	for _, tick := range set.Due(since, until) {
		// Schedules are looked at more than once.
		moments = append(moments, moment{tick.At, nil}, moment{tick.At.Add(15 * time.Second), nil})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	if err := scheduler.Tick(ctx, since); err != nil { // what was before is nobody's
		return err
	}
	for _, m := range moments {
		if m.at.After(until) {
			break
		}
		if err := l.carryOut(ctx, dispatcher, prefix, m.at.Add(-time.Microsecond)); err != nil {
			return err
		}
		l.set(m.at)
		if m.event != nil {
			if _, err := l.store.Record(ctx, []events.Delivery{*m.event}); err != nil {
				return err
			}
			if err := l.look(ctx, dispatcher, prefix); err != nil {
				return err
			}
		} else if err := scheduler.Tick(ctx, m.at); err != nil {
			return err
		}
	}
	return l.carryOut(ctx, dispatcher, prefix, until)
}

// look carries on the runs that an event has made look at their until: jobs were
// added for them that don't wait.
func (l *live) look(ctx context.Context, d *engine.Dispatcher, prefix string) error {
	rows, err := l.store.Pool().Query(ctx, `
		WITH jobs AS (
			DELETE FROM river_job WHERE state = 'available' RETURNING (args->>'run_id')::bigint AS run
		)
		SELECT id FROM reactor_runs
		WHERE id IN (SELECT run FROM jobs) AND outcome = 'pending' AND starts_with(reactor, $1) AND due_at > $2
		ORDER BY due_at, event_time, id`, prefix, l.now())
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := d.Attempt(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (l *live) carryOut(ctx context.Context, d *engine.Dispatcher, prefix string, until time.Time) error {
	var last int64
	for again := 0; again < 5; again++ { // a run that stays due makes no progress
		var id int64
		var due time.Time
		err := l.store.Pool().QueryRow(ctx, `
			SELECT id, due_at FROM reactor_runs
			WHERE outcome = 'pending' AND starts_with(reactor, $1) AND due_at <= $2
			ORDER BY due_at, event_time, id LIMIT 1`, prefix, until).Scan(&id, &due)
		if err == pgx.ErrNoRows { //nolint:errorlint // as Scan returns it
			return nil
		}
		if err != nil {
			return err
		}
		if due.After(l.now()) {
			l.set(due.UTC())
		}
		if wait, err := d.Attempt(ctx, id); err != nil || wait < 0 {
			return fmt.Errorf("attempt: %w", err)
		}
		if id != last {
			last, again = id, 0
		}
	}
	run, err := l.store.Run(ctx, last)
	if err != nil {
		return err
	}
	return fmt.Errorf("at %s a run doesn't go on: %+v", l.now(), run)
}

// fate is how one run came out in the end.
type fate struct {
	Reactor, Subject string
	Step             int
	Shadow           bool
	Outcome          reactors.Outcome
	Reason           string
	Due              time.Time
	Texts            []string
}

func (f fate) compare(g fate) int {
	return cmp.Or(cmp.Compare(f.Reactor, g.Reactor), cmp.Compare(f.Subject, g.Subject), cmp.Compare(f.Step, g.Step))
}

func (f *fate) tidy() {
	if f.Outcome == reactors.Collapsed || f.Outcome == reactors.Pending {
		f.Reason = "" // one names a run, the other says when
	}
}

func (l *live) fates(ctx context.Context, t *rapid.T, prefix string) []fate {
	rows, err := l.store.Pool().Query(ctx, `SELECT id FROM reactor_runs WHERE starts_with(reactor, $1)`, prefix)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		t.Fatal(err)
	}
	fates := make([]fate, 0, len(ids))
	for _, id := range ids {
		r, err := l.store.Run(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		e := replay.Entry{Requests: r.Requests}
		f := fate{r.Reactor, r.Subject, r.Step, r.Shadow, r.Outcome, r.Reason, r.Due, e.Texts()}
		f.tidy()
		fates = append(fates, f)
	}
	slices.SortFunc(fates, fate.compare)
	return fates
}

func predicted(r *replay.Result) []fate {
	type run struct {
		reactor, subject string
		step             int
	}
	last := map[run]fate{}
	for i := range r.Entries {
		if e := &r.Entries[i]; e.Step != replay.NoStep {
			f := fate{e.Reactor, e.Subject, e.Step, e.Shadow, e.Outcome, e.Reason, e.Due, e.Texts()}
			f.tidy()
			last[run{e.Reactor, e.Subject, e.Step}] = f
		}
	}
	fates := make([]fate, 0, len(last))
	for _, f := range last {
		fates = append(fates, f)
	}
	slices.SortFunc(fates, fate.compare)
	return fates
}

// tallies are counts by "rule outcome".
func (l *live) tallies(ctx context.Context, t *rapid.T, prefix string) map[string]int {
	if _, err := l.store.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	counts, err := l.store.OutcomeCounts(ctx, epoch.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]int{}
	for _, c := range counts {
		if len(c.Reactor) > len(prefix) && c.Reactor[:len(prefix)] == prefix {
			m[c.Reactor+" "+string(c.Outcome)] += int(c.Count)
		}
	}
	return m
}

func foretold(r *replay.Result) map[string]int {
	m := map[string]int{}
	for _, s := range r.Rules {
		for o, n := range s.Outcomes {
			m[s.Reactor+" "+string(o)] += n
		}
	}
	return m
}

// Whatever happens and whatever the rules: the worker does what a replay of its
// past says, with the same words, in the same order, for the same reasons, and
// comes to the same counts; and a second replay says the same.
func TestReplayForetells(t *testing.T) {
	t.Parallel()
	const histories = 30 // of the hundred that rapid makes
	checks := 1
	if storetest.Full() {
		checks = 20
	}
	for range checks {
		l := newLive(t) // each round is another month, of which a database bears only so many
		round, failed := 0, false
		rapid.Check(t, func(r *rapid.T) {
			if round++; round > histories && !storetest.Full() && !failed {
				return
			}
			defer func() { failed = failed || r.Failed() }() // then rapid looks for a shorter one
			foretell(t.Context(), r, l, round)
		})
	}
}

func foretell(ctx context.Context, t *rapid.T, l *live, round int) {
	g := &generator{T: t, round: round, begin: epoch.AddDate(0, 0, 40*round), members: map[string]bool{}}
	says := &say{}
	src := g.rules()
	set, err := rules.Parse("reactors.yaml", []byte(src), rules.Options{Actions: []reactors.Action{says}})
	if err != nil {
		t.Fatalf("parse:\n%v\n%s", err, src)
	}
	history := g.history()
	// Some of what was planned is not due when it ends.
	until := g.now.Add(rapid.SampledFrom([]time.Duration{0, time.Hour, 50 * time.Hour}).Draw(t, "rest"))
	prefix := fmt.Sprintf("r%d-", round)
	if err := l.work(ctx, set, says, prefix, history, g.begin, until); err != nil {
		t.Fatal(err)
	}

	options := replay.Options{Since: g.begin, Until: until, ByMode: true}
	got, err := replay.History(ctx, set, l.store, options)
	if err != nil {
		t.Fatal(err)
	}
	again, err := replay.History(ctx, set, l.store, options)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(got, again); diff != "" {
		t.Errorf("a second replay differs (-first +second):\n%s", diff)
	}
	var said []string
	for i := range got.Entries {
		if e := &got.Entries[i]; e.Outcome == reactors.Sent {
			said = append(said, e.Texts()...)
		}
	}
	if diff := gocmp.Diff(says.said, said); diff != "" {
		t.Errorf("what was said (-live +replay):\n%s", diff)
	}
	if diff := gocmp.Diff(l.fates(ctx, t, prefix), predicted(got)); diff != "" {
		t.Errorf("runs (-live +replay):\n%s", diff)
	}
	if diff := gocmp.Diff(l.tallies(ctx, t, prefix), foretold(got)); diff != "" {
		t.Errorf("counts (-live +replay):\n%s", diff)
	}
	if t.Failed() {
		t.Log(src)
		for _, d := range history {
			t.Logf("%s %s %s", d.Event.Time.Format(time.RFC3339), d.Event.Type, d.Data)
		}
	}
}
