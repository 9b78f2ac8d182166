package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// isTerminal tells a console from a file, a pipe and NUL.
func isTerminal(f *os.File) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) == nil
}
