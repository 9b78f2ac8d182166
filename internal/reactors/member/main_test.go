package member_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
)

func TestMain(m *testing.M) {
	// Started by an init function below the Pub/Sub client; never ends.
	goleak.VerifyTestMain(conformancetest.Main(m, "chat.spaces.members.create", "chat.spaces.members.delete", "chat.spaces.members.get"),
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}
