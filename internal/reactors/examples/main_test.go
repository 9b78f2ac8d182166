package examples_test

import (
	"os"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors/wasm"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if code, helped := wasm.Help(os.Args, os.Stdin, os.Stdout); helped {
		os.Exit(code)
	}
	os.Exit(storetest.Main(m))
}
