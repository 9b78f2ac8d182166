package ticket

// The action is in docs/writing-a-reactor.md, its test in
// docs/reactors/testing-an-action.md.

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
