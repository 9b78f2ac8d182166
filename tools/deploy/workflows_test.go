package deploy

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/rhysd/actionlint"
)

// Nobody has run them on GitHub from here: this reads them as GitHub would.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yaml"))
	if err != nil || len(files) != 2 {
		t.Fatalf("workflows: %q, %v", files, err)
	}
	mistakes, err := linter.LintFiles(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mistakes {
		t.Error(m)
	}
}
