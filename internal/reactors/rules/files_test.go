//go:build unix

package rules_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// What lies where rules or a card should be neither holds anybody up nor takes
// memory (D4).
func TestFilesOfOtherKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	sparse := filepath.Join(dir, "sparse")
	if err := os.WriteFile(sparse, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(sparse, 3<<30); err != nil {
		t.Skipf("this file system has no sparse files: %v", err)
	}
	with := func(card string) string {
		file := filepath.Join(dir, card+".yaml")
		text := "reactors:\n  - id: welcome\n    on: member.joined\n    do: [{ send: { card: " + card + " } }]\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for path, want := range map[string]string{
		pipe:           "it is a pipe",
		sparse:         "it is larger than 1 MiB",
		with("pipe"):   "it is a pipe",
		with("sparse"): "it is larger than 1 MiB",
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			_, err := rules.Load(path, rules.Options{Actions: []reactors.Action{send{}}})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %v, want %q", err, want)
			}
		})
	}
}
