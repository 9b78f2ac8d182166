package members_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) {
	// Started by the import of Google's libraries, for the life of the process.
	os.Exit(storetest.Main(conformancetest.Main(m, "chat.spaces.members.list"), goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")))
}
