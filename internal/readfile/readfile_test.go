//go:build unix

package readfile

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestRegular(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sparse := write("sparse", "")
	if err := os.Truncate(sparse, 1<<40); err != nil {
		t.Skipf("this file system has no sparse files: %v", err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(write("target", "linked"), link); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ path, want, refused string }{
		"file":          {write("a", "content"), "content", ""},
		"empty":         {write("b", ""), "", ""},
		"at the limit":  {write("c", strings.Repeat("x", 1<<10)), strings.Repeat("x", 1<<10), ""},
		"over it":       {write("d", strings.Repeat("x", 1<<10+1)), "", "it is larger than 1 KiB"},
		"link":          {link, "linked", ""},
		"sparse":        {sparse, "", "it is larger than 1 KiB"},
		"pipe":          {pipe, "", "it is a pipe, and must be a regular file"},
		"directory":     {dir, "", "it is a directory"},
		"endless":       {"/dev/zero", "", "it is a device or a socket"},
		"there is none": {filepath.Join(dir, "none"), "", "no such file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := Regular(test.path, 1<<10)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
				t.Errorf("it took %d MiB", n>>20)
			}
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) || !strings.Contains(err.Error(), test.path) {
					t.Errorf("the error is %v, want %q of %s", err, test.refused, test.path)
				}
				return
			}
			if err != nil || string(got) != test.want {
				t.Errorf("got %q: %v", got, err)
			}
		})
	}
}
