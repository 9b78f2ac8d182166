package doctor

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Safe() // as doctor wants it
	os.Exit(storetest.Main(
		conformancetest.Main(m, "chat.spaces.list", "chat.spaces.messages.create", "serviceusage.services.batchGet", "workspaceevents.subscriptions.create"),
		// opencensus starts its worker when the Pub/Sub library is linked in.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The client's keep-alive goroutine notices up to 10 s late that its stream is gone.
		goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"),
	))
}
