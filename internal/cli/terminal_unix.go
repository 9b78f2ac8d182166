//go:build unix

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal tells a terminal from a file, a pipe and /dev/null.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}
