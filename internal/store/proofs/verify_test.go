package proofs_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

func quiet(uint64, uint64) {}

func newLog(t testing.TB) (*storetest.Env, *proofs.Log) {
	t.Helper()
	s := storetest.New(t, storetest.Options{MaxConns: 4})
	return s, proofs.New(s.Store)
}

func seal(t testing.TB, log *proofs.Log) {
	t.Helper()
	if _, err := log.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func verify(t testing.TB, log *proofs.Log, against ...proof.Checkpoint) *proofs.Report {
	t.Helper()
	r, err := log.Verify(t.Context(), against, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func malformed(id int) events.Delivery {
	d := storetest.Live(fmt.Sprint("bad-", id), storetest.At(id), events.Item{})
	d.Event, d.Malformed = nil, &events.Malformed{Reason: "bad_json", Detail: "it is none", Offset: 3}
	d.Data = fmt.Append(nil, "{bad ", id)
	return d
}

// recorded fills a log with all that there can be: events delivered, fetched, and
// fetched before they were delivered; batches; what went to the quarantine, and what
// left it. A part isn't sealed.
func recorded(t testing.TB, s *storetest.Env, log *proofs.Log) {
	t.Helper()
	mix := storetest.NewMix(7).Batch(700)
	fetched := make([]events.Delivery, 0, 40)
	for _, d := range mix[:40] {
		fetched = append(fetched, storetest.Backfilled(d))
	}
	storetest.Record(t, s, fetched...)
	seal(t, log)
	storetest.Record(t, s, mix[20:600]...)
	storetest.Record(t, s, storetest.Decoded(t, "batch", "message.v1.batchCreated", storetest.At(5), `{"messages":[`+
		storetest.Post("a", "m1.m1", "one")+","+storetest.Post("b", "m2.m2", "two")+`]}`))
	for _, operator := range []string{"maria", "jörg"} {
		if err := trail.Commit(t.Context(), s.Store, trail.Action{
			Name: "access.raw_viewed", Operator: operator, Target: "e1", Space: storetest.Space, Reason: "case 7, »urgent«",
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := trail.Commit(t.Context(), s.Store, trail.Action{Name: "erasure.started"}); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		storetest.Record(t, s, malformed(i))
	}
	seal(t, log)
	keys := storetest.Column(t, s, `SELECT quarantine_key::text FROM quarantine ORDER BY received_at LIMIT 4`)
	var released []pgtype.UUID
	for _, k := range keys {
		var u pgtype.UUID
		if err := u.Scan(k); err != nil {
			t.Fatal(err)
		}
		released = append(released, u)
	}
	if err := proofs.Release(t.Context(), s.Store, released); err != nil {
		t.Fatal(err)
	}
	seal(t, log)
	storetest.Record(t, s, mix[600:]...)
	storetest.Record(t, s, malformed(99))
}

// tampers are what somebody who may do everything does to the tables. %d is a row
// of the first table that is named.
var tampers = []string{
	`UPDATE events SET event_time = event_time + interval '1 microsecond' WHERE %s`,
	`UPDATE events SET received_at = received_at + interval '1 microsecond' WHERE %s`,
	`UPDATE events SET publish_time = COALESCE(publish_time, now()) + interval '1 microsecond' WHERE %s`,
	`UPDATE events SET event_key = gen_random_uuid() WHERE %s`,
	`UPDATE events SET ordinal = ordinal + 7 WHERE %s`,
	`UPDATE events SET source_id = (SELECT id FROM new_source) WHERE %s`,
	`UPDATE events SET space_id = (SELECT id FROM spaces s WHERE s.id <> events.space_id LIMIT 1) WHERE %s`,
	`UPDATE events SET actor_id = (SELECT id FROM users u WHERE u.id <> events.actor_id LIMIT 1) WHERE actor_id IS NOT NULL AND %s`,
	`UPDATE events SET type_id = (SELECT id FROM event_types y WHERE y.id <> events.type_id LIMIT 1) WHERE %s`,
	`UPDATE events SET origin = CASE origin WHEN 'l' THEN 'b' ELSE 'l' END::"char" WHERE %s`,
	`UPDATE events SET ce_id = ce_id || 'x' WHERE %s`,
	`UPDATE events SET resource = resource || 'x' WHERE %s`,
	`UPDATE events SET message_id = message_id || '0' WHERE message_id IS NOT NULL AND %s`,
	`UPDATE events SET payload = set_byte(payload, length(payload) / 2, (get_byte(payload, length(payload) / 2) + 1) %% 256) WHERE payload IS NOT NULL AND %s`,
	`UPDATE events SET payload = NULL WHERE payload IS NOT NULL AND %s`,
	`UPDATE events SET payload = '', payload_codec = 0 WHERE %s`,
	`DELETE FROM events WHERE %s`,
	`INSERT INTO events SELECT event_time, received_at, publish_time, gen_random_uuid(), source_id, space_id, actor_id, type_id, ordinal,
		payload_codec, origin, ce_id || 'y', resource, message_id, payload FROM events WHERE %s`,
	`UPDATE spaces SET space = space || 'x' WHERE id IN (SELECT space_id FROM events) AND %s`,
	`UPDATE users SET user_name = user_name || '0' WHERE id IN (SELECT actor_id FROM events) AND %s`,
	`UPDATE event_types SET ce_type = ce_type || 'x' WHERE id IN (SELECT type_id FROM events) AND %s`,
	`UPDATE event_sources SET source = source || 'x' WHERE id IN (SELECT source_id FROM events) AND %s`,
	`UPDATE quarantine SET quarantine_key = gen_random_uuid() WHERE %s`,
	`UPDATE quarantine SET received_at = received_at - interval '1 microsecond' WHERE %s`,
	`UPDATE quarantine SET publish_time = COALESCE(publish_time, now()) + interval '1 microsecond' WHERE %s`,
	`UPDATE quarantine SET message_id = message_id || '1' WHERE %s`,
	`UPDATE quarantine SET ordering_key = ordering_key || '1' WHERE %s`,
	`UPDATE quarantine SET reason = reason || '1' WHERE %s`,
	`UPDATE quarantine SET detail = detail || '1' WHERE %s`,
	`UPDATE quarantine SET attributes = '{"a":"b"}' WHERE %s`,
	`UPDATE quarantine SET data = data || '\x00' WHERE %s`,
	`DELETE FROM quarantine WHERE %s`,
	`INSERT INTO quarantine SELECT gen_random_uuid(), event_key, received_at, publish_time, message_id, ordering_key, reason, detail, attributes, data
		FROM quarantine WHERE %s`,
	`UPDATE trail SET at = at - interval '1 microsecond' WHERE %s`,
	`UPDATE trail SET action_key = gen_random_uuid() WHERE %s`,
	`UPDATE trail SET action = 'access.nothing' WHERE %s`,
	`UPDATE trail SET role_name = role_name || '1' WHERE %s`,
	`UPDATE trail SET operator = 'nobody' WHERE %s`,
	`UPDATE trail SET target = 'e2' WHERE %s`,
	`UPDATE trail SET space = 'spaces/T' WHERE %s`,
	`UPDATE trail SET details = '{ }' WHERE %s`,
	`DELETE FROM trail WHERE %s`,
	`INSERT INTO trail SELECT at, gen_random_uuid(), action, role_name, operator, target, space, details FROM trail WHERE %s`,
	`UPDATE proof_tiles SET hashes = set_byte(hashes, length(hashes) / 3, (get_byte(hashes, length(hashes) / 3) + 1) %% 256) WHERE %s`,
	`UPDATE proof_tiles SET hashes = substring(hashes, 33) || substring(hashes, 1, 32) WHERE level = 0 AND %s`,
	`UPDATE proof_tiles SET hashes = substring(hashes, 33) WHERE length(hashes) > 32 AND %s`,
	`DELETE FROM proof_tiles WHERE %s`,
	`UPDATE proof_leaves SET refs = set_byte(refs, length(refs) / 3, (get_byte(refs, length(refs) / 3) + 1) %% 256) WHERE %s`,
	`UPDATE proof_leaves SET salts = set_byte(salts, length(salts) / 3, (get_byte(salts, length(salts) / 3) + 1) %% 256) WHERE %s`,
	`UPDATE proof_leaves SET refs = substring(refs, 28) || substring(refs, 1, 27) WHERE %s`,
	`DELETE FROM proof_leaves WHERE %s`,
	`UPDATE proof_log SET size = size - 1 WHERE %s`,
	`UPDATE proof_log SET edge = set_byte(edge, 0, (get_byte(edge, 0) + 1) %% 256) WHERE %s`,
	`DELETE FROM proof_pending WHERE %s`,
	`UPDATE proof_pending SET entries = set_byte(entries, 50, (get_byte(entries, 50) + 1) %% 256) WHERE %s`,
}

// Whatever is changed, taken out or put in is found, and nothing where nothing was.
func TestTampersAreFound(t *testing.T) {
	t.Parallel()
	s, log := newLog(t)
	recorded(t, s, log)
	sound := verify(t, log)
	if !sound.Sound() || sound.Leaves < 500 || sound.Unsealed < 50 || sound.Rows < 600 {
		t.Fatalf("got %+v", sound)
	}
	rng := rand.New(rand.NewPCG(15, 15))
	rounds := len(tampers) * 2
	if storetest.Full() {
		rounds = 1000
	}
	for i := range rounds {
		tamper := tampers[i%len(tampers)]
		statement, n := "", 0
		err := pgx.BeginFunc(t.Context(), s.Pool(), func(tx pgx.Tx) error {
			table := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(tamper, "UPDATE "), "DELETE FROM "), "INSERT INTO "))[0]
			where := tamper[strings.LastIndex(tamper, "WHERE ")+len("WHERE "):]
			where = strings.TrimSuffix(strings.TrimSuffix(where, "%s"), "AND ")
			if where == "" {
				where = "true"
			}
			if err := tx.QueryRow(t.Context(), fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s`, table, where)).Scan(&n); err != nil {
				return err
			}
			row := fmt.Sprintf("(%[1]s.tableoid, %[1]s.ctid) = (SELECT tableoid, ctid FROM %[1]s WHERE %[2]s OFFSET %[3]d LIMIT 1)", table, where, rng.IntN(n))
			statement = fmt.Sprintf(tamper, row)
			if strings.Contains(statement, "new_source") {
				if _, err := tx.Exec(t.Context(), `CREATE TEMPORARY TABLE new_source ON COMMIT DROP AS SELECT 0 AS id;
					WITH n AS (INSERT INTO event_sources (source) VALUES ('//elsewhere') RETURNING id) UPDATE new_source SET id = n.id FROM n`); err != nil {
					return err
				}
			}
			tag, err := tx.Exec(t.Context(), statement)
			if err != nil {
				return err
			}
			r, err := proofs.VerifyIn(log, t.Context(), tx, nil, quiet)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 || r.Sound() {
				t.Errorf("%s: %d rows were changed, and nothing was found", statement, tag.RowsAffected())
			}
			return pgx.ErrTxClosed // it is taken back
		})
		if !errors.Is(err, pgx.ErrTxClosed) {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if r := verify(t, log); !r.Sound() || r.Root != sound.Root {
		t.Errorf("got %+v", r)
	}
}

// Whoever writes the whole log anew, with the right code and key, is found by an
// older checkpoint, as is who sets the database back.
func TestAnotherLogIsFound(t *testing.T) {
	t.Parallel()
	s, log := newLog(t)
	mix := storetest.NewMix(3).Batch(600)
	point := func(r *proofs.Report) proof.Checkpoint {
		return proof.Checkpoint{Origin: "example.com/chat", Size: r.Leaves, Root: r.Root}
	}
	storetest.Record(t, s, mix[:300]...)
	seal(t, log)
	before := point(verify(t, log))
	storetest.Record(t, s, mix[300:]...)
	seal(t, log)
	after := point(verify(t, log))
	if r := verify(t, log, after, before); !r.Sound() || r.Checkpoints != 2 {
		t.Errorf("got %+v", r)
	}
	s, log = newLog(t)
	storetest.Record(t, s, mix[:300]...)
	seal(t, log)
	own := verify(t, log)
	for _, c := range []proof.Checkpoint{before, after} { // of other salts; longer
		if r := verify(t, log, c); r.Sound() || !own.Sound() {
			t.Errorf("checkpoint of %d: nothing is found", c.Size)
		}
	}
}

// In whatever order events come, how often, live or fetched, and whenever it is
// sealed: nothing is found that isn't there.
func TestHonestHistoriesAreSound(t *testing.T) {
	t.Parallel()
	s, log := newLog(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		past := storetest.Past(r, fmt.Sprint("spaces/H", n))
		for i := range past {
			if rapid.Bool().Draw(r, "fetched too") {
				past = append(past, storetest.Backfilled(past[i]))
			}
			if rapid.IntRange(0, 4).Draw(r, "twice") == 0 {
				past = append(past, past[i])
			}
		}
		past = rapid.Permutation(past).Draw(r, "order")
		for len(past) > 0 {
			k := rapid.IntRange(1, len(past)).Draw(r, "batch")
			storetest.Record(t, s, past[:k]...)
			past = past[k:]
			if rapid.Bool().Draw(r, "seal") {
				seal(t, log)
			}
		}
		if got := verify(t, log); !got.Sound() {
			r.Fatalf("got %q", got.Findings)
		}
	})
}
