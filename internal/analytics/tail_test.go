package analytics

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// ages are how old the events are that the tests record: within each depth of a poll.
var ages = []time.Duration{0, 20 * time.Minute, 5 * time.Hour, 20 * 24 * time.Hour}

// newLog is a database whose log has an event of each age, and somebody who follows
// it from then on.
func newLog(t *testing.T) (*storetest.Env, *tailing) {
	t.Helper()
	env := storetest.New(t, storetest.Options{})
	for i, age := range ages {
		at := time.Now().Add(-age)
		storetest.Record(t, env, storetest.Live(fmt.Sprint("before-", i), at,
			storetest.Message(events.VerbCreated, "spaces/S/messages/M", "users/U", "secret", at, at)))
	}
	f := &tailing{follower: follower{db: env.Store, shown: map[string]bool{}}}
	f.look(t)
	return env, f
}

// tailing collects what a follower tells.
type tailing struct {
	follower
	told []string
}

// look polls once.
func (f *tailing) look(t *testing.T) {
	t.Helper()
	err := f.poll(t.Context(), func(e Event) error {
		f.told = append(f.told, strings.TrimPrefix(e.Resource, "spaces/S/"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// begin opens a transaction that isn't the store's.
func begin(t *testing.T, env *storetest.Env) pgx.Tx {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), env.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// record writes an event into the log.
func record(t *testing.T, tx pgx.Tx, name string, age time.Duration) {
	t.Helper()
	if _, err := tx.Exec(t.Context(), `
		INSERT INTO events (event_time, received_at, event_key, source_id, space_id, actor_id, type_id, ordinal, payload_codec, origin, ce_id, resource)
		SELECT clock_timestamp() - $2::interval, clock_timestamp(), event_key($1), source_id, space_id, actor_id, type_id, ordinal, 0, 'b', $1, '/' || $1
		FROM events
		LIMIT 1`, name, age); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, tx pgx.Tx) {
	t.Helper()
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := tx.Conn().Close(t.Context()); err != nil { // the server counts what its session wrote
		t.Fatal(err)
	}
}

// A transaction that began first and commits last is told last, and once.
func TestFollowLateCommit(t *testing.T) {
	t.Parallel()
	env, f := newLog(t)
	slow, quick := begin(t, env), begin(t, env)
	record(t, slow, "slow", 0)
	record(t, quick, "quick", 0)
	commit(t, quick)
	f.look(t)
	f.look(t)
	commit(t, slow)
	f.look(t)
	f.look(t)
	if diff := cmp.Diff([]string{"quick", "slow"}, f.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// Whatever is recorded in whatever order, late or about the past, changed or rolled
// back: in the end each event was told once.
func TestFollowAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		env, f := newLog(t)
		r := rand.New(rand.NewPCG(seed, 1))
		var open []pgx.Tx
		pending := map[pgx.Tx][]string{}
		var want []string
		for step := range 60 {
			switch n := r.IntN(10); {
			case n < 2 && len(open) < 5:
				open = append(open, begin(t, env))
			case n < 6 && len(open) > 0:
				tx := open[r.IntN(len(open))]
				name := fmt.Sprint("e", step)
				record(t, tx, name, ages[r.IntN(len(ages))])
				pending[tx] = append(pending[tx], name)
			case n < 8 && len(open) > 0:
				i := r.IntN(len(open))
				tx := open[i]
				open = slices.Delete(open, i, i+1)
				if r.IntN(5) == 0 {
					if err := tx.Rollback(t.Context()); err != nil {
						t.Fatal(err)
					}
					continue
				}
				commit(t, tx)
				want = append(want, pending[tx]...)
			case n == 8:
				// A live copy takes the place of one that a backfill fetched.
				if _, err := env.Pool().Exec(t.Context(), `UPDATE events SET origin = 'l' WHERE ordinal = 0 AND resource LIKE '/e%' AND random() < 0.3`); err != nil {
					t.Fatal(err)
				}
			default:
				f.depth = r.IntN(len(depths))
				f.look(t)
			}
		}
		for _, tx := range open {
			commit(t, tx)
			want = append(want, pending[tx]...)
		}
		f.depth = len(depths) - 1
		f.look(t)
		slices.Sort(want)
		slices.Sort(f.told)
		if diff := cmp.Diff(want, f.told); diff != "" {
			t.Fatalf("seed %d (-want +told):\n%s", seed, diff)
		}
	}
}

// Nobody looks for what is old unless the server has counted more than was read, and
// then until it is found.
func TestFollowThePast(t *testing.T) {
	t.Parallel()
	env, f := newLog(t)
	f.look(t)
	tx := begin(t, env)
	record(t, tx, "old", 20*24*time.Hour)
	record(t, tx, "new", 0)
	commit(t, tx)
	deepest := 0
	for polls := 0; len(f.told) < 2; polls++ {
		if polls > 5000 {
			t.Fatalf("only %q is told", f.told)
		}
		f.look(t)
		deepest = max(deepest, f.depth)
	}
	if diff := cmp.Diff([]string{"new", "old"}, f.told); diff != "" || deepest != len(depths)-1 {
		t.Errorf("it looked to depth %d, and told (-want +got):\n%s", deepest, diff)
	}
	for range 3 {
		if f.look(t); f.depth != 0 {
			t.Errorf("it looks for more, to depth %d", f.depth)
		}
	}
}

// What is kept in memory is bounded, however long the log is followed.
func TestFollowMemory(t *testing.T) {
	t.Parallel()
	f := follower{shown: map[string]bool{}}
	for i := range maxShown + 5 {
		if !f.remember(fmt.Sprint(i)) {
			t.Fatalf("%d was told before", i)
		}
	}
	if f.remember(fmt.Sprint(maxShown+4)) || !f.remember("0") || len(f.shown) != maxShown || len(f.order) != maxShown {
		t.Errorf("%d keys are kept", len(f.shown))
	}
	now := time.Now()
	f.parts = []part{{time.Time{}, "first"}}
	for i := range 100_000 {
		now = now.Add(time.Minute)
		depth := 0
		if i%maxParts == 0 {
			depth = len(depths) - 1
		}
		f.advance(part{now.Add(-depths[depth]), "newer"}, now)
		if len(f.parts) > maxParts+200 {
			t.Fatalf("%d parts after %d polls", len(f.parts), i)
		}
	}
}

// It ends at once when it is told to, and with the error of whoever prints.
func TestFollowEnds(t *testing.T) {
	t.Parallel()
	env, _ := newLog(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- Follow(ctx, env.Store, func(Event) error { return nil }, func(err error) { t.Error(err) })
	}()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("interrupted: %v", err)
	}
	broken := errors.New("broken pipe")
	told := make(chan struct{}, 1)
	go func() {
		ended <- Follow(t.Context(), env.Store, func(Event) error {
			told <- struct{}{}
			return broken
		}, func(err error) { t.Error(err) })
	}()
	for done, i := false, 0; !done; i++ {
		tx := begin(t, env)
		record(t, tx, fmt.Sprint("x", i), 0)
		commit(t, tx)
		select {
		case <-told:
			done = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := <-ended; !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// A database that goes away is waited for; one that refuses what it is asked isn't.
func TestIsAway(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"57P01": true, "57P03": true, "08006": true, "53300": true, "42501": false, "42P01": false, "28P01": false} {
		if got := IsAway(fmt.Errorf("follow: %w", &pgconn.PgError{Code: code})); got != want {
			t.Errorf("%s: got %t", code, got)
		}
	}
	env, f := newLog(t)
	if _, err := env.Pool().Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`); !IsAway(err) {
		t.Errorf("a session that was ended: %v", err)
	}
	f.look(t)
}

func TestFilter(t *testing.T) {
	t.Parallel()
	event := Event{Type: "membership.created", Space: "spaces/S"}
	for _, test := range []struct {
		filter Filter
		want   bool
	}{
		{Filter{}, true},
		{Filter{Space: "spaces/S"}, true},
		{Filter{Space: "spaces/T"}, false},
		{Filter{Types: []string{"member.*"}}, true},
		{Filter{Types: []string{"membership"}}, true},
		{Filter{Types: []string{"message", "membership.created"}}, true},
		{Filter{Types: []string{"*.created"}}, true},
		{Filter{Types: []string{"member.deleted", "message.*"}}, false},
		{Filter{Types: []string{"membership."}}, false},
	} {
		if got := test.filter.Wants(&event); got != test.want {
			t.Errorf("%+v: got %t", test.filter, got)
		}
	}
	for pattern, want := range map[string]string{
		"message": "", "member.*": "", "member": "", "*.deleted": "", "interaction": "",
		"mesage.created": "no event is of that type: did you mean message.created?",
		"member.creatd":  "no event is of that type: did you mean membership.created?",
		"member.joined":  "that is what rules call it: events are of the type member.created, or ",
		"?":              "no event is of that type: want one of message, membership, ",
		"[":              "no event is of that type: want one of message, ",
	} {
		err := Filter{Types: []string{pattern}}.Check()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", pattern, err, want)
		}
	}
}
