package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Each record that an event or an action told is proven, by who has the key alone;
// what people wrote is in the proof only if that is asked for, and is told of then.
func TestProve(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock})
	tell(t, s)
	storetest.Record(t, s, storetest.Decoded(t, "batch", "message.v1.batchCreated", at(5), `{"messages":[`+
		storetest.Post("a", "m1.m1", "one")+","+storetest.Post("b", "m2.m2", "two")+`]}`))
	log := proofs.New(s.Store)
	signer, file := makeKey(t, "example.com/chat")
	_, other := makeKey(t, "example.com/chat")
	records := all(t, s)
	some := records[slices.IndexFunc(records, func(r query.Record) bool { return r.ID[idTime] == 'e' })].ID
	if _, err := call(t, s, "prove", some); err == nil || !strings.Contains(err.Error(), "is not sealed yet") {
		t.Errorf("before it is sealed: %v", err)
	}
	if _, err := call(t, s, "hold", "add", "users/1", "--reason", "case 7"); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := call(t, s, "prove", some); err == nil || !strings.Contains(err.Error(), "no checkpoint has it yet") {
		t.Errorf("before it is signed: %v", err)
	}
	if _, err := log.Sign(t.Context(), signer, proof.Checkpoint{}, 0); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "proof.json")
	check := func(text, key string) (string, error) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return call(t, nil, "check", path, "--key", key+".pub")
	}
	proven := map[byte]int{}
	const views = `SELECT count(*) FROM trail WHERE action = 'access.raw_viewed'`
	shown, before := 0, storetest.Value[int](t, s, views)
	for _, r := range all(t, s) {
		source := r.ID[idTime]
		text, err := call(t, s, "prove", r.ID)
		if !strings.ContainsRune("ema", rune(source)) {
			if err == nil || !strings.Contains(err.Error(), "follows from others") {
				t.Errorf("%s: got %q, %v", r.ID, text, err)
			}
			continue
		}
		if err != nil {
			if source != 'a' || !strings.Contains(err.Error(), "somebody put it in") { // as tell has
				t.Errorf("%s: %v", r.Action, err)
			}
			continue
		}
		proven[source]++
		if of := r.ID[min(idTime+33, len(r.ID)):]; source != 'a' && !strings.Contains(text, `"ordinal": "`+of+`"`) {
			t.Errorf("%s: it is not of the item %s: %s", r.ID, of, text)
		}
		if out, err := check(text, file); err != nil || !strings.Contains(out, "of the log example.com/chat, at its checkpoint of ") || strings.Contains(text, `"content": "`) {
			t.Errorf("%s: got %q, %v of %s", r.Action, out, err, text)
		}
		if _, err := check(text, other); err == nil || !strings.Contains(err.Error(), "isn't signed by the key") {
			t.Errorf("%s: another key is content: %v", r.Action, err)
		}
		if r.Action != "message.created" && source != 'a' {
			continue
		}
		shown++
		raw, err := call(t, s, "prove", r.ID, "--raw", "--reason", "case 7")
		if err != nil {
			t.Fatal(err)
		}
		out, err := check(raw, file)
		var d proof.Document
		if wrong := json.Unmarshal([]byte(raw), &d); wrong != nil || err != nil {
			t.Fatalf("%s: %q, %v, %v", r.Action, out, err, wrong)
		}
		if d.Content == nil && strings.HasSuffix(r.ID, "1") { // of a batch the first item has it
			continue
		}
		if !strings.Contains(out, "bytes, as they were received") {
			t.Errorf("%s: got %q", r.Action, out)
		}
		d.Content[0] ^= 1
		changed, _ := json.Marshal(d)
		if _, err := check(string(changed), file); err == nil || !strings.Contains(err.Error(), "is not proven: the content was changed") {
			t.Errorf("%s: got %v", r.Action, err)
		}
	}
	if n := storetest.Value[int](t, s, views) - before; proven['e'] == 0 || proven['m'] == 0 || proven['a'] == 0 || n != shown {
		t.Errorf("proven are, by source, %v; of %d that were shown %d are in the trail", proven, shown, n)
	}
	if _, err := check("{}", file); err == nil || !strings.Contains(err.Error(), "no proof of the format") {
		t.Errorf("got %v", err)
	}
	if _, err := call(t, nil, "check", path); err == nil || !strings.Contains(err.Error(), "--key is missing") {
		t.Errorf("got %v", err)
	}
	exec(t, s, `UPDATE events SET ce_id = ce_id || 'x'`)
	for _, r := range all(t, s) {
		if r.ID[idTime] == 'e' {
			if text, err := call(t, s, "prove", r.ID); err == nil || !strings.Contains(err.Error(), "is not as it was recorded") {
				t.Errorf("got %q, %v", text, err)
			}
			break
		}
	}
}
