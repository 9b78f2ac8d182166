package eventlog_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Row P10: one delivery that Postgres refuses costs its batch nothing. A
// trigger refuses it, with each of the codes that were seen in practice.
func TestRejectedDeliveryIsQuarantined(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"22P05", "22P02", "22003", "54001", "21000", "23514"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := storetest.New(t, storetest.Options{Now: clock})
			n := 500
			batch := storetest.NewMix(3).Batch(n)
			bad := n / 3
			batch[bad].Data = []byte("\x00\xff raw \xed\xa0\x80 bytes")
			batch[bad].Attributes["odd"] = "\x00"
			record(t, s, storetest.NewMix(4).Next()) // makes the partitions
			_, err := s.Pool().Exec(t.Context(), fmt.Sprintf(`
				CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN
					RAISE EXCEPTION 'secret text' USING ERRCODE = '%s', CONSTRAINT = 'events_ordinal_check', TABLE = 'events';
				END $$;
				CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW
					WHEN (NEW.message_id = '%s') EXECUTE FUNCTION refuse()`, code, batch[bad].MessageID))
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range record(t, s, batch...) {
				if want := map[bool]events.Outcome{true: events.Quarantined, false: events.Recorded}[i == bad]; o != want {
					t.Errorf("outcome %d = %s, want %s", i, o, want)
				}
			}
			record(t, s, batch[bad]) // a redelivery adds nothing
			if got := storetest.Value[int](t, s, `SELECT count(*) FROM events`); got != n {
				t.Errorf("events = %d, want %d and the first one", got, n)
			}
			type row struct {
				Reason, Detail string
				Sum            [32]byte
			}
			var got row
			var data []byte
			if err := s.Pool().QueryRow(t.Context(), `SELECT reason, detail, data FROM quarantine`).Scan(&got.Reason, &got.Detail, &data); err != nil {
				t.Fatal(err)
			}
			got.Sum = sha256.Sum256(data)
			want := row{"rejected_by_database", "SQLSTATE " + code + ", table events, constraint events_ordinal_check", sha256.Sum256(batch[bad].Data)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("quarantine (-want +got):\n%s", diff)
			}
		})
	}
}

// Row S3 and the like: an event type that Postgres can't hold and absurd times
// (D9) go to the quarantine on their own; the bytes are kept. Text that only a
// projection can't hold costs the log nothing.
func TestWhatGoesToQuarantine(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	ok := join("ok", 0)
	nul := live("nul", at(0), message(events.VerbCreated, "spaces/S/messages/1", ann, "a\x00b", at(0), time.Time{}))
	badType := join("type", 0)
	badType.Event.Type = "google.workspace.chat.\xff"
	past := live("past", epoch.AddDate(0, 0, -41), membership(events.VerbCreated, space, ann, "JOINED"))
	future := live("future", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), membership(events.VerbCreated, space, ann, "JOINED"))
	past.PublishTime, future.PublishTime = epoch, epoch
	malformed := events.Delivery{MessageID: "x", Data: []byte{0, 0xff}, ReceivedAt: epoch, Malformed: &events.Malformed{Reason: "not_json", Detail: "at \x00"}}
	got := record(t, s, nul, ok, badType, past, future, malformed)
	want := []events.Outcome{events.Recorded, events.Recorded, events.Quarantined, events.Quarantined, events.Quarantined, events.Quarantined}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	reasons := column(t, s, `SELECT reason FROM quarantine ORDER BY reason`)
	if diff := cmp.Diff([]string{"absurd_time", "absurd_time", "not_json", "rejected_by_database"}, reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if got := column(t, s, `SELECT space || ' ' || detail FROM unapplied_events`); !slices.Equal(got, []string{"spaces/S SQLSTATE 22021"}) {
		t.Errorf("marked events = %v, want the one with a NUL", got)
	}
	if got := storetest.Value[[]byte](t, s, `SELECT data FROM quarantine WHERE reason = 'not_json'`); !bytes.Equal(got, malformed.Data) {
		t.Errorf("data = %x, want %x", got, malformed.Data)
	}
}

// What a server does to every event is not the content's fault: nothing is
// quarantined, all is held, and recorded once the server is mended.
func TestServerFaultsQuarantineNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ fault, mend string }{
		"a sequence was set back":             {`SELECT setval('users_id_seq', 1, false)`, `SELECT setval('users_id_seq', 1000)`},
		"a sequence has come to its end":      {`ALTER SEQUENCE users_id_seq MAXVALUE 2000; SELECT setval('users_id_seq', 2000)`, `SELECT setval('users_id_seq', 1000)`},
		"a column that must be filled":        {`TRUNCATE stored_messages; ALTER TABLE stored_messages ADD chosen text NOT NULL`, `ALTER TABLE stored_messages DROP chosen`},
		"a check that refuses all":            {`ALTER TABLE events ADD CONSTRAINT chosen CHECK (ordinal > 5) NOT VALID`, `ALTER TABLE events DROP CONSTRAINT chosen`},
		"a projection that refuses all":       {`ALTER TABLE stored_messages ADD CONSTRAINT chosen CHECK (false) NOT VALID`, `ALTER TABLE stored_messages DROP CONSTRAINT chosen`},
		"a trigger that asks for another try": {`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = ''secret'', ERRCODE = ''40001''; END'; CREATE TRIGGER f BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION f()`, `DROP TRIGGER f ON events`},
		"a trigger that fails":                {`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = ''secret''; END'; CREATE TRIGGER f BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION f()`, `DROP TRIGGER f ON events`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.New(t, storetest.Options{Now: clock})
			record(t, s, storetest.NewMix(5).Batch(300)...) // some 200 users
			if _, err := s.Pool().Exec(t.Context(), tt.fault); err != nil {
				t.Fatal(err)
			}
			var batch []events.Delivery
			for i := range 15 { // as few as might be the fault of content
				name := fmt.Sprintf("spaces/S/messages/%d", i)
				batch = append(batch, live(fmt.Sprint(i), at(i), message(events.VerbCreated, name, fmt.Sprintf("users/7%d", i), "a", at(i), time.Time{})))
			}
			outcomes, err := s.Record(t.Context(), batch)
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("error = %v, want one, without what the database quotes", err)
			}
			for _, d := range batch[:5] { // nor one by one
				one, err := s.Record(t.Context(), []events.Delivery{d})
				if err == nil {
					t.Error("no error for one event")
				}
				outcomes = append(outcomes, one...)
			}
			for i, o := range outcomes {
				if o != events.Unsettled {
					t.Errorf("outcome %d = %s, want unsettled", i, o)
				}
			}
			if _, err := s.Pool().Exec(t.Context(), tt.mend); err != nil {
				t.Fatal(err)
			}
			record(t, s, batch...)
			if n := storetest.Value[int](t, s, `SELECT count(*) FROM quarantine`) + storetest.Value[int](t, s, `SELECT count(*) FROM unapplied_events`); n != 0 {
				t.Errorf("%d events were set aside, want none", n)
			}
			if n := storetest.Value[int](t, s, `SELECT count(*) FROM messages WHERE space = 'spaces/S'`); n != 15 {
				t.Errorf("messages = %d, want 15", n)
			}
		})
	}
}

// A clock that is wrong costs no event: the time is judged by Pub/Sub's clock
// and the database's.
func TestAWrongClockQuarantinesNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, off := range map[string]time.Duration{"behind": -25 * time.Hour, "far behind": -1000 * time.Hour, "ahead": 1000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.New(t, storetest.Options{Now: func() time.Time { return now.Add(off) }})
			fresh := live("fresh", now, membership(events.VerbCreated, space, ann, "JOINED"))
			fetched := live("fetched", now, membership(events.VerbCreated, space, "users/8", "JOINED"))
			fetched.Origin, fetched.PublishTime, fetched.ReceivedAt = events.OriginBackfill, time.Time{}, now.Add(off)
			for i, o := range record(t, s, fresh, fetched) {
				if o != events.Recorded {
					t.Errorf("outcome %d = %s, want recorded", i, o)
				}
			}
		})
	}
}

// Quarantining is told once a minute for each reason.
func TestQuarantineIsReported(t *testing.T) {
	t.Parallel()
	logged, logs := observer.New(zap.WarnLevel)
	now := epoch
	s := storetest.New(t, storetest.Options{Now: func() time.Time { return now }, Log: zap.New(logged)})
	n := 0
	malformed := func(reason events.Reason) {
		n++
		record(t, s, events.Delivery{
			MessageID: fmt.Sprint(n), Data: []byte("secret"), ReceivedAt: epoch, Malformed: &events.Malformed{Reason: reason, Detail: "at byte 1"},
		})
	}
	for range 3 {
		malformed("not_json")
	}
	malformed("missing_attribute")
	now = now.Add(time.Minute)
	malformed("not_json")
	var got []string
	for _, e := range logs.All() {
		f := e.ContextMap()
		got = append(got, fmt.Sprintf("%v %v %v", f["reason"], f["count"], f["detail"]))
	}
	want := []string{"not_json 1 at byte 1", "missing_attribute 1 at byte 1", "not_json 3 at byte 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// Row D9: a month without a partition gets one, at any time and from several
// replicas at once; one that was dropped comes back.
func TestPartitions(t *testing.T) {
	t.Parallel()
	dsn := storetest.EmptyDSN(t)
	if err := store.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	now := epoch
	open := func() *storetest.Env {
		return storetest.Open(t, dsn, storetest.Options{Now: func() time.Time { return now }})
	}
	replicas := []*storetest.Env{open(), open(), open()}
	errs := make(chan error, len(replicas))
	for _, s := range replicas {
		go func() { errs <- s.EnsurePartitions(t.Context(), now) }()
	}
	for range replicas {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	const count = `SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass`
	if got := storetest.Value[int](t, replicas[0], count); got != 6 {
		t.Errorf("partitions = %d, want 6", got)
	}
	now = epoch.AddDate(0, 0, 400)
	later := live("later", now, membership(events.VerbCreated, space, ann, "JOINED"))
	record(t, replicas[0], later)
	if _, err := replicas[0].Pool().Exec(t.Context(), `DROP TABLE events_2027_12`); err != nil {
		t.Fatal(err)
	}
	if got := record(t, replicas[0], later); got[0] != events.Recorded {
		t.Errorf("outcome = %s, want recorded", got[0])
	}
	if got := storetest.Value[int](t, replicas[0], `SELECT count(*) FROM quarantine`); got != 0 {
		t.Errorf("quarantined = %d, want 0", got)
	}
}

// Somebody detaches months, whose tables stay: to keep them elsewhere, say.
// Events of such a month still come, and are recorded like all others.
func TestDetachedMonth(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	for i := range 3 {
		if got := record(t, s, join(fmt.Sprint(i), i)); got[0] != events.Recorded {
			t.Errorf("event %d is %s", i, got[0])
		}
		attached := storetest.Value[string](t, s, `SELECT tableoid::regclass::text FROM events`)
		if want := []string{"events_2026_11", "events_2026_11_2", "events_2026_11_3"}[i]; attached != want {
			t.Errorf("event %d is in %s, want %s", i, attached, want)
		}
		if _, err := s.Pool().Exec(t.Context(), `ALTER TABLE events DETACH PARTITION `+attached); err != nil {
			t.Fatal(err)
		}
		if err := storetest.Open(t, s.DSN, storetest.Options{}).EnsurePartitions(t.Context(), at(0)); err != nil {
			t.Errorf("a worker that starts then: %v", err)
		}
	}
}
