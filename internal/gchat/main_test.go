package gchat_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
)

func TestMain(m *testing.M) {
	// Started by an init function below the Pub/Sub client; never ends.
	goleak.VerifyTestMain(conformancetest.Main(m,
		"chat.spaces.findDirectMessage", "chat.spaces.list", "chat.spaces.members.create", "chat.spaces.members.delete", "chat.spaces.members.get",
		"chat.spaces.members.list",
		"chat.spaces.messages.create", "chat.spaces.messages.delete", "chat.spaces.messages.get", "chat.spaces.messages.patch",
		"chat.spaces.messages.reactions.create", "chat.spaces.spaceEvents.list",
	), goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}
