package chaos

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

var full = flag.Bool("chaos.full", false, "run the failure tests at full size")

// binary is the worker, built once.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "spacekeeper-chaos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "subscriber")
	build := exec.Command("go", "build", "-o", binary, "github.com/spacekeeper/spacekeeper/cmd/subscriber")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the worker: %v\n%s", err, out)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		goleak.Cleanup(func(code int) {
			_ = os.RemoveAll(dir)
			os.Exit(code)
		}),
	)
}

// readSources reads what the worker is made of. It is another process, of which
// Go's test cache knows nothing; but that remembers what a test has read, though
// not what TestMain has.
var readSources = sync.OnceValue(func() error {
	for _, dir := range []string{"../../cmd/subscriber", "../../internal", "../../migrations"} {
		if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			_, err = os.ReadFile(path)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
})

// scaled picks the size of a test.
func scaled[T any](usual, atFull T) T {
	if *full {
		return atFull
	}
	return usual
}
