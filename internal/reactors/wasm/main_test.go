package wasm

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if code, helped := Help(os.Args, os.Stdin, os.Stdout); helped {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}
