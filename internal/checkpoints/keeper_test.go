package checkpoints

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/mod/sumdb/note"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// outside is a bucket that keeps what it has, and a receiver.
type outside struct {
	mu      sync.Mutex
	objects map[string]string
	posted  []string
	status  int // of all answers, if not 0
}

func (o *outside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	name := r.URL.Query().Get("name")
	switch {
	case o.status != 0:
		w.WriteHeader(o.status)
	case err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "text/plain; charset=utf-8":
		w.WriteHeader(http.StatusBadRequest)
	case r.URL.Path == "/hook":
		o.posted = append(o.posted, string(body))
	case r.URL.Path != "/upload/storage/v1/b/bucket/o" || r.URL.Query().Get("uploadType") != "media":
		w.WriteHeader(http.StatusNotFound)
	case r.URL.Query().Get("ifGenerationMatch") != "0": // it would be overwritten
		w.WriteHeader(http.StatusForbidden)
	case o.objects[name] != "":
		w.WriteHeader(http.StatusPreconditionFailed)
	default:
		o.objects[name] = string(body)
	}
}

func (o *outside) answer(status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status = status
}

// env is a log, its key, and places that copies go to.
type env struct {
	*testing.T
	db      *storetest.Env
	signer  note.Signer
	key     note.Verifier
	dir     string
	outside *outside
	url     string
	logs    *observer.ObservedLogs
}

func newEnv(t *testing.T) *env {
	t.Helper()
	secret, public, err := proof.NewKey("example.com/chat")
	if err != nil {
		t.Fatal(err)
	}
	e := &env{
		T: t, db: storetest.New(t, storetest.Options{MaxConns: 4}), dir: filepath.Join(t.TempDir(), "copies"), outside: &outside{objects: map[string]string{}},
	}
	e.signer, err = proof.Signer(secret)
	e.must(err)
	e.key, err = proof.Verifier(public)
	e.must(err)
	e.must(os.Mkdir(e.dir, 0o755))
	server := httptest.NewServer(e.outside)
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// keeper is that of a process that begins now.
func (e *env) keeper() *Keeper {
	core, logs := observer.New(zap.InfoLevel)
	e.logs = logs
	return &Keeper{
		log: zap.New(core), proofs: proofs.New(e.db.Store), signer: e.signer, failing: map[string]bool{},
		places: []place{directory(e.dir), bucket{http.DefaultClient, e.url, "bucket", "chat"}, receiver{http.DefaultClient, e.url + "/hook?token=hunter2"}},
	}
}

// record adds a leaf, and lets the next try of copies be due.
func (e *env) record(seconds int) {
	e.Helper()
	storetest.Record(e.T, e.db, storetest.Join("1", seconds))
	_, err := proofs.New(e.db.Store).Seal(e.Context())
	e.must(err)
	e.due()
}

func (e *env) due() {
	e.Helper()
	_, err := e.db.Pool().Exec(e.Context(), `UPDATE proof_copies SET tried_at = tried_at - interval '1 minute'`)
	e.must(err)
}

// copies are the notes in the directory; all places have the last.
func (e *env) copies(want int) []string {
	e.Helper()
	files, err := filepath.Glob(filepath.Join(e.dir, "*"))
	e.must(err)
	var notes []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		e.must(err)
		notes = append(notes, string(text))
	}
	if len(notes) != want || len(e.outside.objects) != want || len(e.outside.posted) != want {
		e.Fatalf("copies in the directory: %v; in the bucket: %v; posted: %q; want %d", files, e.outside.objects, e.outside.posted, want)
	}
	if last := notes[want-1]; e.outside.objects["chat/"+filepath.Base(files[want-1])] != last || e.outside.posted[want-1] != last {
		e.Errorf("%q is not what is in the bucket, %v, and was posted, %q", last, e.outside.objects, e.outside.posted)
	}
	return notes
}

// Each checkpoint is copied to all places once; where it fails, that is said once,
// and the newest goes there when it can.
func TestCopies(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	k := e.keeper()
	k.pass(t.Context())
	if len(k.places) != 3 || e.logs.Len() > 0 || storetest.Value[int](t, e.db, `SELECT count(*) FROM proof_copies`) != 0 {
		t.Errorf("of an empty log: %v", e.logs.All())
	}
	e.record(1)
	k.pass(t.Context())
	if c, err := proof.OpenCheckpoint(e.copies(1)[0], e.key); err != nil || c.Size != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	e.due()
	k.pass(t.Context())
	e.keeper().pass(t.Context()) // another worker
	e.copies(1)

	e.outside.answer(http.StatusServiceUnavailable)
	e.must(os.Rename(e.dir, e.dir+"-away"))
	k = e.keeper()
	for i := range 3 {
		e.record(10 + i)
		k.pass(t.Context())
	}
	failing := func() int { return storetest.Value[int](t, e.db, `SELECT count(failing_since) FROM proof_copies`) }
	if n := e.logs.FilterMessage("checkpoint not copied; trying again").Len(); n != 3 || failing() != 3 {
		t.Errorf("of three places %d were logged, %d are in the table: %v", n, failing(), e.logs.All())
	}
	e.outside.answer(0)
	e.must(os.Rename(e.dir+"-away", e.dir))
	e.due()
	k.pass(t.Context())
	if c, err := proof.OpenCheckpoint(e.copies(2)[1], e.key); err != nil || c.Size != 4 || failing() != 0 {
		t.Errorf("got %+v, %v; %d places fail", c, err, failing())
	}
	if n := e.logs.FilterMessage("checkpoints are copied again").Len(); n != 3 {
		t.Errorf("of three places %d are well: %v", n, e.logs.All())
	}
	for _, entry := range e.logs.All() {
		for _, value := range entry.ContextMap() {
			if strings.Contains(value.(string), "hunter2") {
				t.Errorf("%s: an address is in the log: %v", entry.Message, value)
			}
		}
	}

	_, err := e.db.Pool().Exec(t.Context(), `DELETE FROM proof_copies`) // it ended before it could save what it had copied
	e.must(err)
	if k.pass(t.Context()); failing() != 0 || len(e.outside.objects) != 2 || len(e.outside.posted) != 3 {
		t.Errorf("%d places fail; posted: %q", failing(), e.outside.posted)
	}
	gone := receiver{http.DefaultClient, "http://127.0.0.1:1/hunter2"}
	if err := gone.put(t.Context(), "", "note"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
	for status, want := range map[int]string{403: "grant the worker's service account roles/storage.objectCreator", 404: "there is no such bucket", 500: "answered 500"} {
		e.outside.answer(status)
		if err := k.places[1].put(t.Context(), "name", "note"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %v", status, err)
		}
	}
	e.must(os.WriteFile(filepath.Join(e.dir, "another"), []byte("changed"), 0o600))
	if err := k.places[0].put(t.Context(), "another", "note"); err == nil || !strings.Contains(err.Error(), "holds something else") {
		t.Errorf("got %v", err)
	}
}

// A database that was set back is found by what was copied before, by a worker that
// begins now, too; it says so once, and signs again if it was a mistake.
func TestSetBack(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i := range 3 {
		e.record(i)
	}
	e.keeper().pass(t.Context())
	e.copies(1)
	before := e.db
	e.db = storetest.New(t, storetest.Options{MaxConns: 4})
	e.record(1)
	k := e.keeper()
	k.pass(t.Context())
	k.pass(t.Context())
	if n := e.logs.FilterLevelExact(zap.ErrorLevel).Len(); n != 1 || !k.Refused() || storetest.Value[int](t, e.db, `SELECT count(*) FROM proof_checkpoints`) != 0 {
		t.Errorf("got %v", e.logs.All())
	}
	e.copies(1)
	k.proofs = proofs.New(before.Store)
	if k.pass(t.Context()); k.Refused() || e.logs.FilterMessage("the log is what it was; signing checkpoints again").Len() != 1 {
		t.Errorf("got %v", e.logs.All())
	}
	k = e.keeper()
	k.places, k.proofs = nil, proofs.New(before.Store)
	k.pass(t.Context())
	k.proofs = proofs.New(e.db.Store) // while it runs
	if k.pass(t.Context()); !k.Refused() {
		t.Error("it has forgotten what it has seen")
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	if k, err := New(cfg, nil, zap.NewNop()); k != nil || err != nil {
		t.Errorf("without a key: %v, %v", k, err)
	}
	file := filepath.Join(t.TempDir(), "key")
	cfg.Proof = config.Proof{KeyFile: file, Copies: []string{"/var/lib/copies", "https://example.com/hook/hunter2"}}
	for _, wrong := range []string{"", "PRIVATE+KEY+hunter2"} {
		if wrong != "" {
			if err := os.WriteFile(file, []byte(wrong), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := New(cfg, nil, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "read proof.key_file") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v", wrong, err)
		}
	}
	secret, _, err := proof.NewKey("example.com/chat")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := New(cfg, nil, zap.NewNop())
	if err != nil || k.signer.Name() != "example.com/chat" || len(k.places) != 2 {
		t.Fatalf("got %+v, %v", k, err)
	}
	if got := k.places[1].String(); got != "https://example.com#"+got[len(got)-8:] {
		t.Errorf("got %q", got)
	}
	inside := receiver{k.places[1].(receiver).client, "https://127.0.0.1:1/"}
	if err := inside.put(t.Context(), "", "note"); err == nil || !strings.Contains(err.Error(), "may not reach (loopback)") {
		t.Errorf("got %v", err)
	}
	for to, want := range map[string]string{"gs://bucket/": "gs://bucket", "gs://bucket/a/b": "gs://bucket/a/b"} {
		cfg.Auth.CredentialsFile, cfg.Proof.Copies = "../config/testdata/credentials/user.json", []string{to}
		if k, err := New(cfg, nil, zap.NewNop()); err != nil || k.places[0].String() != want {
			t.Errorf("%s: got %+v, %v", to, k, err)
		}
	}
}
