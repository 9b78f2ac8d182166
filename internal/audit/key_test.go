package audit

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// makeKey makes a key by the command, and returns its file.
func makeKey(t *testing.T, log string) (signer note.Signer, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "key")
	if _, err := call(t, nil, "key", "--log", log, file); err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(file)
	if err == nil {
		signer, err = proof.Signer(string(secret))
	}
	if err != nil {
		t.Fatal(err)
	}
	return signer, file
}

// Verify holds the log against checkpoints of whoever has signed them, before and after
// the key was changed, and says of what isn't right what it is.
func TestVerifyAgainstFiles(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock})
	log := proofs.New(s.Store)
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sign := func(signer note.Signer, size uint64, root proof.Hash) string {
		t.Helper()
		text, err := proof.Checkpoint{Size: size, Root: root}.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	former, old := makeKey(t, "example.com/chat")
	signer, now := makeKey(t, "example.com/chat")
	stranger, other := makeKey(t, "example.com/else")
	var last proofs.Signed
	for i, by := range []note.Signer{former, signer} {
		storetest.Record(t, s, storetest.Join("1", i))
		_, err := log.Seal(t.Context())
		if err == nil {
			last, err = log.Sign(t.Context(), by, proof.Checkpoint{}, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		write("copies/"+last.FileName(), last.Note)
	}
	copies := filepath.Join(dir, "copies")
	public, err := os.ReadFile(old + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--key", strings.TrimSpace(string(public)), "--key", now + ".pub"}, nil,
	} {
		if out, err := call(t, s, append([]string{"verify", "--against", copies}, args...)...); err != nil || !strings.Contains(out, "It has grown out of 4 checkpoints.\nroot 2:") {
			t.Errorf("%v: got %q, %v", args, out, err)
		}
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"the former key is unknown": {[]string{"--against", copies, "--key", now + ".pub"}, `isn't signed by the key that is asked for`},
		"another log's key":         {[]string{"--against", copies, "--key", other + ".pub"}, `of the log "example.com/chat" isn't signed by the key`},
		"of another log":            {[]string{"--against", write("other", sign(stranger, 1, last.Root))}, `other is a checkpoint of another log: of "example.com/else", and this is "example.com/chat"`},
		"set back":                  {[]string{"--against", write("longer", sign(signer, 9, last.Root))}, "longer has 9 leaves, and there are 2: the log was cut, or the database was set back"},
		"written anew":              {[]string{"--against", write("fork", sign(signer, 1, last.Root))}, "fork\n"},
		"no checkpoint":             {[]string{"--against", write("none", "none")}, "none: it is no checkpoint"},
		"no directory of them":      {[]string{"--against", dir}, "in the directory is no checkpoint, whose name ends in .checkpoint"},
		"no file":                   {[]string{"--against", filepath.Join(dir, "absent")}, "want a checkpoint's file"},
		"the secret key":            {[]string{"--key", now}, "want the public part of a key"},
		"no key":                    {[]string{"--key", filepath.Join(dir, "absent")}, "want the public part of a key"},
	} {
		out, err := call(t, s, append([]string{"verify"}, c.args...)...)
		if err == nil || !strings.Contains(out+err.Error(), c.want) || strings.Contains(out+err.Error(), "PRIVATE") {
			t.Errorf("%s: got %q, %v, want %q", name, out, err, c.want)
		}
	}
	exec(t, s, `UPDATE proof_checkpoints SET note = $1 WHERE size = 2`, sign(stranger, 2, last.Root))
	if out, err := call(t, s, "verify", "--key", old+".pub", "--key", now+".pub"); err == nil || !strings.Contains(out, "in the database, the checkpoint of the log") {
		t.Errorf("got %q, %v", out, err)
	}
}

// A key is made once; its public part is in a file, too.
func TestKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	public, err := call(t, nil, "key", "--log", "example.com/chat", file)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for name, mode := range map[string]fs.FileMode{file: 0o600, file + ".pub": 0o644} {
		text, err := os.ReadFile(name)
		if info, _ := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode() != mode {
			t.Fatalf("%s: %v, %v", name, info.Mode(), err)
		}
		texts = append(texts, string(text))
	}
	if slices.Sort(texts); texts[1] != public || !strings.HasPrefix(texts[0], "PRIVATE+KEY+example.com/chat+") {
		t.Errorf("got %q; printed was %q", texts, public)
	}
	for _, name := range []string{file, file + ".pub"} { // either is enough
		out, err := call(t, nil, "key", "--log", "example.com/chat", file)
		if err == nil || !strings.Contains(err.Error(), "is there already") || out != "" {
			t.Errorf("got %q, %v", out, err)
		}
		if now, err := os.ReadFile(file); name == file && (err != nil || string(now) != texts[0]) {
			t.Errorf("the key is %q, %v", now, err)
		}
		if err := os.Remove(file + ".pub"); name == file && err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(file + "*"); len(left) != 1 {
		t.Errorf("left is %v", left)
	}
}
