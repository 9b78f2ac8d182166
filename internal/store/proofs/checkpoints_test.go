package proofs_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func newKey(t testing.TB, name string) (note.Signer, note.Verifier) {
	t.Helper()
	secret, public, err := proof.NewKey(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := proof.Signer(secret)
	if err != nil {
		t.Fatal(err)
	}
	v, err := proof.Verifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// A checkpoint is signed once for each size, not too often, and only of a tree that
// has grown out of the last one.
func TestSign(t *testing.T) {
	t.Parallel()
	s, log := newLog(t)
	signer, verifier := newKey(t, "example.com/chat")
	var none proof.Checkpoint
	sign := func(known proof.Checkpoint, every time.Duration) proofs.Signed {
		t.Helper()
		c, err := log.Sign(t.Context(), signer, known, every)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	exec := func(sql string) {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	mix := storetest.NewMix(5).Batch(900)
	more := func(n int) {
		t.Helper()
		storetest.Record(t, s, mix[:n]...)
		mix = mix[n:]
		seal(t, log)
	}
	if c := sign(none, 0); c.New || c.Size != 0 {
		t.Fatalf("of an empty log: %+v", c)
	}
	more(300)
	first := sign(none, 0)
	if c, err := proof.OpenCheckpoint(first.Note, verifier); err != nil || c != first.Checkpoint || !first.New || c.Root != verify(t, log).Root {
		t.Fatalf("got %+v, %v", first, err)
	}
	more(300)
	if c := sign(first.Checkpoint, time.Hour); c.New || c.Checkpoint != first.Checkpoint {
		t.Errorf("within the hour: %+v", c)
	}
	exec(`UPDATE proof_checkpoints SET signed_at = now() + interval '1 day'`) // a clock went back since
	second := sign(first.Checkpoint, time.Hour)
	if !second.New || second.Size <= first.Size {
		t.Errorf("got %+v", second)
	}
	more(200)
	var once sync.WaitGroup
	signed := make([]proofs.Signed, 3)
	for i := range signed {
		once.Go(func() { signed[i], _ = log.Sign(t.Context(), signer, second.Checkpoint, 0) })
	}
	once.Wait()
	n := 0
	for _, c := range signed {
		if c.New {
			n++
		}
		if c.Note != signed[0].Note || c.Size <= second.Size {
			t.Errorf("got %+v and %+v", c, signed[0])
		}
	}
	if r := verify(t, log); n != 1 || !r.Sound() || r.Checkpoints != 3 {
		t.Errorf("%d of three signed; got %+v", n, r)
	}

	longer := proof.Checkpoint{Origin: signer.Name(), Size: 1 << 20, Root: first.Root}
	another := proof.Checkpoint{Origin: signer.Name(), Size: first.Size, Root: second.Root}
	stranger, _ := newKey(t, "example.com/else")
	for name, c := range map[string]struct {
		signer note.Signer
		known  proof.Checkpoint
		sql    string // and back
		want   string
	}{
		"it was longer":        {signer, longer, ``, "was cut, or the database was set back"},
		"it was another":       {signer, another, ``, "was changed since"},
		"key of another log":   {stranger, none, ``, `of the log "example.com/chat", and the key of "example.com/else"`},
		"edge changed":         {signer, none, `UPDATE proof_log SET edge = set_byte(edge, 3, 255 - get_byte(edge, 3))`, "was changed since"},
		"truncated tile":       {signer, first.Checkpoint, `UPDATE proof_tiles SET hashes = substring(hashes, 1, 32) WHERE level = 0`, "was changed since"},
		"tiles gone":           {signer, first.Checkpoint, `DELETE FROM proof_tiles`, "was changed since"},
		"checkpoint unread":    {signer, none, `UPDATE proof_checkpoints SET note = 'none'`, "in the database was changed"},
		"checkpoint of a size": {signer, none, `UPDATE proof_checkpoints SET size = size + 1`, "in the database was changed"},
	} {
		exec(`CREATE TABLE kept_log AS TABLE proof_log; CREATE TABLE kept_tiles AS TABLE proof_tiles; CREATE TABLE kept_checkpoints AS TABLE proof_checkpoints;` + c.sql)
		_, err := log.Sign(t.Context(), c.signer, c.known, 0)
		if refused := (*proofs.RefusedError)(nil); !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
		exec(`TRUNCATE proof_log, proof_tiles, proof_checkpoints; INSERT INTO proof_log TABLE kept_log; INSERT INTO proof_tiles TABLE kept_tiles;
			INSERT INTO proof_checkpoints TABLE kept_checkpoints; DROP TABLE kept_log, kept_tiles, kept_checkpoints`)
	}
	more(100)
	other, otherVerifier := newKey(t, "example.com/chat") // the first one was lost
	rotated, err := log.Sign(t.Context(), other, second.Checkpoint, 0)
	if err != nil || !rotated.New {
		t.Fatalf("with another key of that name: %+v, %v", rotated, err)
	}
	if _, err := proof.OpenCheckpoint(rotated.Note, verifier); err == nil {
		t.Error("the lost key's public part is content with the new one's signature")
	}
	for _, signed := range []string{first.Note, rotated.Note} {
		if _, err := proof.OpenCheckpoint(signed, verifier, otherVerifier); err != nil {
			t.Errorf("with both keys: %v", err)
		}
	}
}

// One worker at a time copies a checkpoint to a place, until it is there.
func TestClaim(t *testing.T) {
	t.Parallel()
	s, log := newLog(t)
	claim := func(size uint64, want bool) {
		t.Helper()
		if got, err := log.Claim(t.Context(), "gs://bucket", size); err != nil || got != want {
			t.Errorf("claim of %d: got %t, %v", size, got, err)
		}
	}
	copied := func(size uint64, ok bool, want string) {
		t.Helper()
		if err := log.Copied(t.Context(), "gs://bucket", size, ok); err != nil {
			t.Fatal(err)
		}
		if got := storetest.Value[string](t, s, `SELECT size || ' ' || (failing_since IS NOT NULL) FROM proof_copies`); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	later := func(by string) {
		if _, err := s.Pool().Exec(t.Context(), `UPDATE proof_copies SET tried_at = tried_at - $1::interval`, by); err != nil {
			t.Fatal(err)
		}
	}
	claim(7, true)
	claim(7, false) // somebody is about it
	copied(7, false, "0 true")
	later("1 minute")
	claim(7, true)
	copied(7, true, "7 false")
	later("1 minute")
	claim(7, false) // it is there
	later("-1 day") // a clock goes back
	claim(9, true)
	copied(9, true, "9 false")
	copied(7, true, "9 false")
}
