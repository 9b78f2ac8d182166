package audit

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

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
