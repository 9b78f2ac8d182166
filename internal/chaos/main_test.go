package chaos

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/reactors/wasm"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/waittest"
)

func TestMain(m *testing.M) {
	if code, helped := wasm.Help(os.Args, os.Stdin, os.Stdout); helped {
		os.Exit(code)
	}
	if os.Getenv(workerVariable) != "" {
		os.Exit(runWorker())
	}
	waittest.AtOnce(6)
	os.Exit(storetest.Main(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")))
}

// scaled picks the size of a test.
func scaled[T any](usual, atFull T) T {
	if storetest.Full() {
		return atFull
	}
	return usual
}
