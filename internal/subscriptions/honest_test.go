package subscriptions_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Whatever happens, what the coverage calls live was live, and it has no
// holes: doubt is a gap.
func TestCoverageIsHonest(t *testing.T) {
	t.Parallel()
	hundreds := 1
	if storetest.Full() {
		hundreds = 20
	}
	for i := range hundreds {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			db := storetest.New(t, storetest.Options{})
			rapid.Check(t, func(rt *rapid.T) { disturbAndCompare(t, rt, db) })
		})
	}
}

// recorded is a StateStore in the database, which tests can look into.
type recorded struct {
	*memory
	db *storetest.Env
}

func (b recorded) SubscriptionStates(ctx context.Context) ([]coverage.SubscriptionState, error) {
	if _, err := b.memory.SubscriptionStates(ctx); err != nil {
		return nil, err
	}
	return b.db.SubscriptionStates(ctx)
}

func (b recorded) Observe(ctx context.Context, at time.Time, states []coverage.SubscriptionState) error {
	if err := b.memory.Observe(ctx, at, states); err != nil {
		return err
	}
	return b.db.Observe(ctx, at, states)
}

// A subscription outlives that its space was wanted. What became of it
// meanwhile isn't covered, although it is as good as ever at every look after
// that, whoever mended it.
func TestCoverageOfWhatWasUnwanted(t *testing.T) {
	t.Parallel()
	for name, mend := range map[string]func(t *testing.T, w *disturbed, scope string){
		"reactivated by hand": func(t *testing.T, w *disturbed, scope string) {
			if err := w.Suspend(w.SubscriptionTo(scope), "OTHER"); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Hour)
			w.mustPass(t) // sees it suspended
			if err := w.Mend(w.SubscriptionTo(scope)); err != nil {
				t.Fatal(err)
			}
			w.reactivateByHand(t, w.SubscriptionTo(scope))
			w.clock.Advance(time.Minute)
			w.mustPass(t) // sees it as good as ever
		},
		"made again by hand": func(t *testing.T, w *disturbed, scope string) {
			if err := w.ExpireAfter(w.SubscriptionTo(scope), 0); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Hour)
			w.makeLike(t, scope)
			w.mustPass(t)
		},
		"reactivated at the instant of the last look": func(t *testing.T, w *disturbed, scope string) {
			if err := w.Suspend(w.SubscriptionTo(scope), "OTHER"); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(5 * time.Minute)
			if err := w.Mend(w.SubscriptionTo(scope)); err != nil {
				t.Fatal(err)
			}
			w.mustPass(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t, storetest.Options{})
			w := &disturbed{env: newEnv(t, simulate.Options{Spaces: 3, Withhold: simulate.LifecycleKinds()}), t: t}
			w.keep, w.all = recorded{w.memory, db}, w.list
			w.mustPass(t)
			w.clock.Advance(time.Hour)
			w.mustPass(t)
			w.list = w.all[:2]
			mend(t, w, w.all[2].Scope)
			w.list = w.all
			for range 4 { // one of them renews it
				w.mustPass(t)
				w.clock.Advance(time.Hour)
			}
			w.compare(t, db, w.all[2].Scope)
		})
	}
}

func disturbAndCompare(t *testing.T, rt *rapid.T, db *storetest.Env) {
	if _, err := db.Pool().Exec(t.Context(), `TRUNCATE subscription_states, coverage`); err != nil {
		rt.Fatal(err)
	}
	w := newDisturbed(t, rt)
	defer func() {
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
	}()
	w.keep = recorded{w.memory, db}
	actions := w.disturbances()
	delete(actions, "operations take") // when delivery begins within one isn't known
	check := actions[""]
	actions[""] = func(rt *rapid.T) {
		check(rt)
		for _, d := range w.all {
			w.compare(rt, db, d.Scope)
		}
	}
	rt.Repeat(actions)
}

// span is an interval of the table of coverage.
type span struct {
	From, To time.Time
	Source   string
	Cause    string
}

// compare holds the coverage of a scope against the Workspace's own.
func (w *disturbed) compare(rt rapid.TB, db *storetest.Env, scope string) {
	rows, err := db.Pool().Query(w.t.Context(), `
		SELECT from_time AS from, to_time AS to, source, COALESCE(cause, '') AS cause
		FROM coverage_intervals
		WHERE scope = $1
		ORDER BY from_time, id`, scope)
	if err != nil {
		rt.Fatal(err)
	}
	spans, err := pgx.CollectRows(rows, pgx.RowToStructByName[span])
	if err != nil {
		rt.Fatal(err)
	}
	for i, s := range spans {
		switch {
		case i == 0:
		case s.From.Before(spans[i-1].To), s.From.After(spans[i-1].To) && scope != w.all[2].Scope: // which isn't always wanted
			rt.Logf("%s: %v", scope, spans)
			rt.Fatalf("the coverage of %s has a hole, or overlaps", scope)
		}
		if s.Source != coverage.SourceLive {
			continue
		}
		if missing := w.undelivered(scope, s.From, s.To); missing > time.Millisecond { // the database keeps microseconds
			// What differs from time to time isn't part of the failure, which
			// rapid takes for the same one then.
			rt.Logf("%s counts as live from %s to %s, but was not for %s of it:\n%v\n%v",
				scope, s.From, s.To, missing, spans, w.Coverage(target(scope)))
			rt.Fatalf("%s counts as live when it was not", scope)
		}
	}
}

// undelivered is how long between the two times no subscription delivered the
// events of the scope to our topic.
func (w *disturbed) undelivered(scope string, from, to time.Time) (missing time.Duration) {
	sure := from
	for _, i := range w.Coverage(target(scope)) {
		if i.OtherOwner || i.Topic != w.all[0].Topic || i.From.After(to) {
			continue
		}
		missing += max(0, i.From.Sub(sure))
		if i.To.IsZero() || i.To.After(to) {
			i.To = to
		}
		if i.To.After(sure) {
			sure = i.To
		}
	}
	return missing + max(0, to.Sub(sure))
}
