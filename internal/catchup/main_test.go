package catchup_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) {
	// opencensus starts its worker when the Pub/Sub library is linked in.
	os.Exit(storetest.Main(conformancetest.Main(m,
		"chat.spaces.spaceEvents.list", "chat.spaces.members.list", "chat.spaces.messages.get"), goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")))
}
