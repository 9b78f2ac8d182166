package chaos

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	// The worker is another process, of which Go's test cache knows nothing.
	// Named here, its packages make an old result count as old.
	_ "github.com/spacekeeper/spacekeeper/internal/gchat"
	_ "github.com/spacekeeper/spacekeeper/internal/ingest"
	_ "github.com/spacekeeper/spacekeeper/internal/logging"
	_ "github.com/spacekeeper/spacekeeper/internal/reactors/dm"
	_ "github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	_ "github.com/spacekeeper/spacekeeper/internal/reactors/member"
	_ "github.com/spacekeeper/spacekeeper/internal/reactors/react"
	_ "github.com/spacekeeper/spacekeeper/internal/reactors/record"
	_ "github.com/spacekeeper/spacekeeper/internal/reactors/send"
	_ "github.com/spacekeeper/spacekeeper/internal/reactors/wasm"
	_ "github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
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
	if err := readSources("../../cmd/subscriber"); err != nil {
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

// readSources reads the files of a command, which can't be imported: the test
// cache remembers what a test has read.
func readSources(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := os.ReadFile(f); err != nil {
			return err
		}
	}
	return nil
}

// scaled picks the size of a test.
func scaled[T any](usual, atFull T) T {
	if *full {
		return atFull
	}
	return usual
}
