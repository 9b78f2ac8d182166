package store_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
	"github.com/spacekeeper/spacekeeper/internal/store/pruning"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Time zones that are far from UTC and not whole hours, one of which has summer
// time: it ends there on 1 November 2026 at 04:30 UTC.
const (
	kiritimati = "Pacific/Kiritimati" // 14 h ahead
	stJohns    = "America/St_Johns"   // 2:30 behind, then 3:30
)

// autumn is three days after that.
var autumn = time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC)

// newInZone returns the address of an empty database whose sessions have a time
// zone: by its own setting, by that of our role in it, or by its address.
func newInZone(t *testing.T, by, zone string) string {
	t.Helper()
	dsn := storetest.EmptyDSN(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := pgx.Identifier{u.Path[1:]}.Sanitize()
	setting := map[string]string{
		"database": "ALTER DATABASE %s SET timezone = '%s'",
		"role":     "ALTER ROLE CURRENT_USER IN DATABASE %s SET timezone = '%s'",
	}[by]
	if setting == "" {
		q := u.Query()
		q.Set("timezone", zone)
		u.RawQuery = q.Encode()
		return u.String()
	}
	ask(t, dsn, fmt.Sprintf(setting, name, zone))
	return dsn
}

// Queries over many months aren't compiled: that takes longer than they do.
func TestSessionsCompileNothing(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{})
	if got := storetest.Value[string](t, s, `SHOW jit`); got != "off" {
		t.Errorf("jit is %s, want off", got)
	}
}

// ask answers a query on a connection that isn't the store's.
func ask(t *testing.T, dsn, sql string) (list []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, _ := conn.Query(t.Context(), sql)
	if list, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return list
}

// Whatever the time zone of the server, the database, the role or the address
// is, everything is as it is in UTC.
func TestTimeZoneOfTheServer(t *testing.T) {
	t.Parallel()
	want := livedThrough(t, newInZone(t, "database", "UTC"))
	for _, c := range []struct{ by, zone string }{{"database", kiritimati}, {"role", stJohns}, {"address", stJohns}} {
		t.Run(c.by, func(t *testing.T) {
			t.Parallel()
			dsn := newInZone(t, c.by, c.zone)
			if got := ask(t, dsn, `SHOW timezone`); got[0] != c.zone {
				t.Fatalf("the time zone is %s, want %s", got, c.zone)
			}
			if diff := cmp.Diff(want, livedThrough(t, dsn)); diff != "" {
				t.Errorf("%s (-in UTC +there):\n%s", c.zone, diff)
			}
		})
	}
}

// livedThrough lets something of everything happen that has to do with time, on
// both sides of what is midnight, a month's end or a change of clocks somewhere,
// and tells what comes of it.
func livedThrough(t *testing.T, dsn string) (told []string) {
	t.Helper()
	tell := func(what string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		text, err := json.Marshal(v) // shows the zone of a time
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, what+": "+string(text))
	}
	did := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now().Add(-time.Minute)
	did(store.Migrate(t.Context(), dsn))
	steps, err := store.MigrationStatus(t.Context(), dsn)
	did(err)
	for _, m := range steps {
		if m.AppliedAt.Before(began) || m.AppliedAt.After(time.Now().Add(time.Minute)) {
			told = append(told, fmt.Sprintf("%s was applied at %s", m.Name, m.AppliedAt.UTC()))
		}
	}

	s := storetest.Open(t, dsn, storetest.Options{
		Now: func() time.Time { return autumn }, Planner: storetest.Greeter{Not: map[string]bool{"users/1": true, "users/2": true}},
	})
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 10, day, hour, minute, 0, 0, time.UTC) }
	times := []time.Time{
		at(28, 11, 30), at(28, 12, 30), // a week ago, by St John's days and by hours
		at(31, 9, 59), at(31, 10, 1), // midnight in Kiritimati
		at(31, 23, 59), at(32, 0, 1), at(32, 2, 29), at(32, 2, 31), at(32, 4, 29), at(32, 4, 31), // … in UTC, St John's, and the clocks go back there
		at(35, 9, 59), at(35, 10, 1), at(35, 11, 1),
	}
	for i, when := range times {
		user, name := fmt.Sprint("users/", i), fmt.Sprint(space, "/messages/", i)
		record(t, s,
			live(fmt.Sprint("j", i), when, membership(events.VerbCreated, space, user, events.MembershipJoined)),
			live(fmt.Sprint("m", i), when, message(events.VerbCreated, name, user, "hi", when, when)),
			live(fmt.Sprint("r", i), when, reaction(events.VerbCreated, name, user, "👍")))
		if i%3 == 0 {
			record(t, s, live(fmt.Sprint("l", i), when.Add(time.Minute), membership(events.VerbDeleted, space, user, "")))
		}
	}
	did(s.EnsurePartitions(t.Context(), autumn))
	watched := coverage.SubscriptionState{
		Target: "//chat.googleapis.com/" + space, Scope: space, Name: "subscriptions/s", State: "ACTIVE", Managed: true,
		CreateTime: at(27, 0, 0), UpdateTime: at(27, 0, 0), ExpireTime: at(36, 0, 0), GrantedAt: at(32, 4, 0), ObservedAt: at(35, 11, 0),
	}
	did(s.Observe(t.Context(), watched.ObservedAt, []coverage.SubscriptionState{watched}))
	did(s.OpenGap(t.Context(), space, at(31, 23, 0), at(32, 5, 0), coverage.CauseSilentLoss))
	did(s.Backfilled(t.Context(), space, at(26, 0, 0), at(28, 0, 0)))
	did(s.Heartbeat(t.Context(), at(35, 11, 59), time.Hour))

	run := reactors.Run{Reactor: "r", Space: space, Member: "users/1"}
	run.Facts.Space.Name, run.Facts.Member.Name = space, "users/1"
	for _, when := range []time.Time{at(32, 2, 30), at(35, 12, 0)} {
		f, err := s.FactsAsOf(t.Context(), run, reactors.NeedSpaceActivity|reactors.NeedWeek|reactors.NeedPosts, when)
		tell("facts", f, err)
	}
	for _, since := range []time.Time{at(35, 11, 59), at(35, 12, 1)} {
		counts, err := s.OutcomeCounts(t.Context(), since)
		tell("outcomes", counts, err)
	}
	states, err := s.SubscriptionStates(t.Context())
	tell("subscriptions", states, err)
	gaps, err := s.Gaps(t.Context())
	tell("gaps", gaps, err)
	sum, err := s.Summary(t.Context(), at(34, 12, 0), autumn)
	tell("summary", sum, err)
	last, err := s.LastEvents(t.Context(), at(34, 12, 0))
	tell("last events", last, err)
	silences, err := s.Silences(t.Context(), autumn.Add(12*time.Hour), 10)
	tell("silences", silences, err)
	beat, err := s.LastHeartbeat(t.Context())
	tell("heartbeat", beat, err)
	if storetest.Value[time.Time](t, s, `SELECT now()`).Location() != time.UTC {
		t.Error("times are shown in the zone of this machine")
	}
	oldest, err := partitions.New(s.Pool()).Oldest(t.Context())
	tell("oldest partition", oldest, err)
	dropped, err := pruning.Prune(t.Context(), s.Store)
	tell("dropped", dropped, err)

	told = append(told, ask(t, inUTC(t, dsn), `
		SELECT format('event %s in %s', event_time, tableoid::regclass) FROM events
		UNION ALL SELECT format('partition %s %s', c.oid::regclass, pg_get_expr(c.relpartbound, c.oid)) FROM pg_class c WHERE c.relispartition AND c.relkind = 'r'
		UNION ALL SELECT format('count %s %s %s', hour, reactor, sum(count)) FROM reactor_counts GROUP BY hour, reactor
		UNION ALL SELECT format('evaluation %s %s', at, event_time) FROM reactor_evaluations
		UNION ALL SELECT format('run %s %s', event_time, due_at) FROM reactor_runs
		UNION ALL SELECT format('membership %s %s %s', member, joined_at, left_at) FROM membership_intervals
		UNION ALL SELECT format('message %s %s', message, create_time) FROM messages
		UNION ALL SELECT format('coverage %s %s %s', from_time, to_time, source) FROM coverage
		UNION ALL SELECT format('history %s %s', message, version_time) FROM message_history
		ORDER BY 1`)...)
	return told
}

// inUTC is the address for sessions in UTC, whatever is set elsewhere.
func inUTC(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("timezone", "UTC")
	u.RawQuery = q.Encode()
	return u.String()
}

// Months begin in UTC also where somebody else's sessions make them.
func TestPartitionBoundsInAnyTimeZone(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{kiritimati, stJohns} {
		dsn := newInZone(t, "database", zone)
		if err := store.Migrate(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
		pool, err := pgxpool.New(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		if err := partitions.New(pool).Ensure(t.Context(), []partitions.Partition{partitions.Of(partitions.Events, autumn)}); err != nil {
			t.Fatal(err)
		}
		got := ask(t, inUTC(t, dsn), `SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'events_2026_11'`)
		if diff := cmp.Diff([]string{"FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", zone, diff)
		}
	}
}
