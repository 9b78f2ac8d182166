package archive_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/klauspost/compress/zstd"

	"github.com/spacekeeper/spacekeeper/internal/archive"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/erasures"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
	"github.com/spacekeeper/spacekeeper/internal/store/holds"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

var november = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// recorded is a database with events of November and December, which copies have
// changed in part, and what went to the quarantine; its clock is in February.
func recorded(t *testing.T) *storetest.Env {
	t.Helper()
	now := storetest.Epoch
	s := storetest.New(t, storetest.Options{MaxConns: 4, Now: func() time.Time { return now }})
	mix := storetest.NewMix(7).Batch(900)
	var fetched []events.Delivery
	for _, d := range mix[:30] {
		fetched = append(fetched, storetest.Backfilled(d))
	}
	storetest.Record(t, s, fetched...)
	storetest.Record(t, s, mix...)
	storetest.Record(t, s, storetest.Decoded(t, "batch", "message.v1.batchCreated", storetest.At(5), `{"messages":[`+
		storetest.Post("a", "m1.m1", "one")+","+storetest.Post("b", "m2.m2", "two")+`]}`))
	bad := storetest.Live("bad", storetest.At(3), events.Item{})
	bad.Event, bad.Malformed, bad.Data = nil, &events.Malformed{Reason: "bad_json", Detail: "it is none"}, []byte("{bad")
	storetest.Record(t, s, bad)
	now = storetest.Epoch.AddDate(0, 0, 20)
	storetest.Record(t, s, storetest.Decoded(t, "later", "message.v1.created", now, storetest.Post("a", "m3.m3", "December")))
	now = storetest.Epoch.AddDate(0, 0, 90)
	return s
}

func write(t *testing.T, s *storetest.Env) (string, *archive.Manifest) {
	t.Helper()
	dir, err := archive.Write(t.Context(), s.Store, november, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, err := archive.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, m
}

// proveStripped proves an event whose bytes are gone.
func proveStripped(t *testing.T, s *storetest.Env, log *proofs.Log) {
	t.Helper()
	secret, public, err := proof.NewKey("example.com/chat")
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := proof.Signer(secret)
	key, _ := proof.Verifier(public)
	if _, err := log.Sign(t.Context(), signer, proof.Checkpoint{}, 0); err != nil {
		t.Fatal(err)
	}
	ref := proofs.Ref{Kind: proofs.Event}
	if err := s.Pool().QueryRow(t.Context(), `
		SELECT (extract(epoch FROM event_time) * 1000000)::bigint, event_key
		FROM events
		WHERE event_time < '2026-12-01' AND ordinal = 0
		LIMIT 1`).Scan(&ref.Time, &ref.Key); err != nil {
		t.Fatal(err)
	}
	d, err := log.Prove(t.Context(), ref, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Check(key); err != nil || d.Content != nil || d.ContentSalt != nil || d.ContentHash == nil {
		t.Errorf("got %+v, %v", d, err)
	}
}

// The bytes of a month go once they are in an archive; nothing else does, and all of
// it is proven still.
func TestArchive(t *testing.T) {
	t.Parallel()
	s := recorded(t)
	log := proofs.New(s.Store)
	if err := archive.Check(t.Context(), s.Store, november.AddDate(0, 1, 0)); err == nil || !strings.Contains(err.Error(), "2026-11 has to be archived before 2026-12") {
		t.Errorf("got %v", err)
	}
	if err := archive.Check(t.Context(), s.Store, november); err != nil {
		t.Fatal(err)
	}
	// Of one person everything was erased before, of another it is afterwards.
	eraser, err := erasures.New(s.Store)
	if err != nil {
		t.Fatal(err)
	}
	people := storetest.Column(t, s, `
		SELECT u.user_name FROM events e JOIN users u ON u.id = e.actor_id WHERE e.event_time < '2026-12-01' GROUP BY 1 ORDER BY count(*) DESC LIMIT 2`)
	erase := func(person string) {
		t.Helper()
		if counts, err := eraser.Erase(t.Context(), person, "", func(string) {}); err != nil || counts["messages"] < 5 {
			t.Fatalf("erased %v of %s, %v", counts, person, err)
		}
	}
	erase(people[0])
	dir, m := write(t, s)
	t.Logf("%d bytes an event", m.Size/m.Events)
	const all = `SELECT string_agg(x::text, E'\n' ORDER BY x::text) FROM (
		SELECT row(m.*) AS x FROM stored_messages m UNION ALL SELECT row(r.*) FROM stored_reactions r UNION ALL SELECT row(c.*) FROM stored_membership_changes c
		UNION ALL SELECT row(e.event_time, e.event_key, e.ordinal, e.received_at, e.resource, e.ce_id) FROM events e) all_rows`
	with := storetest.Value[int64](t, s, `SELECT count(payload) FROM events WHERE event_time < '2026-12-01'`)
	before := storetest.Value[string](t, s, all)
	if m.Events != with || m.Events < 900 {
		t.Fatalf("the archive has %d events, and the month %d", m.Events, with)
	}
	for _, scope := range []string{storetest.Space, storetest.Value[string](t, s, `SELECT member FROM stored_memberships LIMIT 1`)} {
		hold := func(change func(tx pgx.Tx) error) {
			t.Helper()
			if err := pgx.BeginFunc(t.Context(), s.Pool(), change); err != nil {
				t.Fatal(err)
			}
		}
		hold(func(tx pgx.Tx) error { return holds.Add(t.Context(), tx, scope, "case 7") })
		if err := archive.Drop(t.Context(), s.Store, m, dir, ""); err == nil || !strings.Contains(err.Error(), "a legal hold keeps") {
			t.Errorf("%s is held: got %v", scope, err)
		}
		hold(func(tx pgx.Tx) error { return holds.Remove(t.Context(), tx, scope) })
	}
	// Neither is a month of which something was changed since, sealed or not.
	change := proofs.Ref{Kind: proofs.Event, Time: storetest.Value[int64](t, s, `SELECT (extract(epoch FROM min(event_time)) * 1000000)::bigint FROM events`)}
	var key pgtype.UUID
	if err := key.Scan(storetest.Value[string](t, s, `SELECT event_key::text FROM events ORDER BY event_time LIMIT 1`)); err != nil {
		t.Fatal(err)
	}
	change.Key = key.Bytes
	payloads, err := payload.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	defer payloads.Close()
	if err := pgx.BeginFunc(t.Context(), s.Pool(), func(tx pgx.Tx) error {
		return proofs.AddUpdated(t.Context(), tx, payloads, []proofs.Ref{change})
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := archive.Drop(t.Context(), s.Store, m, dir, ""); err == nil || !strings.Contains(err.Error(), "were changed since it was archived") {
			t.Errorf("got %v", err)
		}
		if _, err := log.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	dir, m = write(t, s)
	if err := archive.Drop(t.Context(), s.Store, m, dir, ""); err != nil {
		t.Fatal(err)
	}
	if n := storetest.Value[int64](t, s, `SELECT count(payload) FROM events WHERE event_time < '2026-12-01'`); n != 0 {
		t.Errorf("%d events have their bytes still", n)
	}
	storetest.Record(t, s, storetest.Decoded(t, "after", "message.v1.created", s.Store.Now(), storetest.Post("a", "m4.m4", "February")))
	wantSound := func(archived int64) {
		t.Helper()
		if _, err := log.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := log.Verify(t.Context(), nil, func(uint64, uint64) {})
		if err != nil || !r.Sound() || int64(r.Archived) != archived {
			t.Fatalf("got %+v, %v", r, err)
		}
	}
	wantSound(with)
	if err := archive.Check(t.Context(), s.Store, november); err == nil || !strings.Contains(err.Error(), "archived already") {
		t.Errorf("got %v", err)
	}
	proveStripped(t, s, log)
	// A rebuild leaves alone what the log has no bytes of.
	for _, space := range append(storetest.Column(t, s, `SELECT space FROM spaces`), "") {
		if _, err := mend.New(s.Store, s.Log).Rebuild(t.Context(), space); err != nil {
			t.Fatal(err)
		}
	}
	after := storetest.Value[string](t, s, all)
	for _, row := range strings.Split(before, "\n") {
		if !strings.Contains(after, row) {
			t.Fatalf("after a rebuild this is gone: %s", row)
		}
	}
	// The next month has leaves beside those of this one.
	next, err := archive.Write(t.Context(), s.Store, november.AddDate(0, 1, 0), filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	m, err = archive.Read(next)
	if err != nil || m.Events != 1 {
		t.Fatalf("got %+v, %v", m, err)
	}
	if err := archive.Drop(t.Context(), s.Store, m, next, ""); err != nil {
		t.Fatal(err)
	}
	wantSound(with + 1)
	erase(people[1])
	wantSound(with + 1)
	// Whoever takes bytes out otherwise is found.
	if _, err := s.Pool().Exec(t.Context(), `
		DELETE FROM trail;
		UPDATE proof_leaves SET salts = overlay(salts PLACING '\x00' FROM 1)`); err != nil {
		t.Fatal(err)
	}
	if r, err := log.Verify(t.Context(), nil, func(uint64, uint64) {}); err != nil || len(r.Findings) < 2 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// What is changed in an archive is found, wherever it is.
func TestArchivesAreChecked(t *testing.T) {
	t.Parallel()
	s := recorded(t)
	dir, m := write(t, s)
	file := filepath.Join(dir, m.File)
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := dec.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	manifest, err := os.ReadFile(filepath.Join(dir, archive.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string][]byte{
		"a text":       bytes.Replace(text, []byte(`\"text\":\"`), []byte(`\"text\":\"x`), 1),
		"a line less":  slices.Concat(slices.Concat(lines[:20]...), slices.Concat(lines[21:]...)),
		"a line twice": slices.Concat(slices.Concat(lines[:20]...), lines[20], slices.Concat(lines[20:]...)),
		"two swapped":  slices.Concat(slices.Concat(lines[:20]...), lines[21], lines[20], slices.Concat(lines[22:]...)),
		"the end":      slices.Concat(lines[:len(lines)-2]...),
		"half a line":  text[:len(text)-20],
		"nothing":      nil,
	} {
		if err := os.WriteFile(file, enc.EncodeAll(changed, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Read(dir); err == nil {
			t.Errorf("%s: nothing is found", name)
		}
	}
	if err := os.WriteFile(file, append(packed, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Read(dir); err == nil {
		t.Error("a byte more: nothing is found")
	}
	if err := os.WriteFile(file, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string]string{
		"root":   strings.Replace(string(manifest), m.Root, strings.Repeat("0", 64), 1),
		"month":  strings.Replace(string(manifest), `"2026-11"`, `"2026-10"`, 1),
		"format": strings.Replace(string(manifest), archive.Format, "else", 1),
		"empty":  "",
	} {
		if err := os.WriteFile(filepath.Join(dir, archive.ManifestFile), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Read(dir); err == nil {
			t.Errorf("%s: nothing is found", name)
		}
	}
	// The database has other events than the archive: nothing is taken out.
	m.Events++
	if err := os.WriteFile(filepath.Join(dir, archive.ManifestFile), manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := archive.Drop(t.Context(), s.Store, m, dir, ""); err == nil {
		t.Error("events were taken out that the archive hasn't")
	}
	if n := storetest.Value[int64](t, s, `SELECT count(payload) FROM events`); n < 900 {
		t.Errorf("%d events have their bytes still", n)
	}
}
