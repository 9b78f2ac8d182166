package storetest

import (
	"fmt"
	"os"

	"go.uber.org/goleak"
)

// Main runs a package's tests, ends the server they shared, and fails if a
// goroutine outlives them that ignore does not name. m is *testing.M or one
// around it. It returns the exit code: os.Exit(storetest.Main(m)).
func Main(m interface{ Run() int }, ignore ...goleak.Option) int {
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop Postgres for tests:", err)
		return 1
	}
	if code != 0 {
		return code
	}
	if err := goleak.Find(ignore...); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines outlive the tests:", err)
		return 1
	}
	return 0
}

// Safe lets the server of this package's tests wait for the disk and vacuum its
// tables, for tests of checks that it does. What the others learn doesn't depend on
// surviving a power cut, nor should it on whether a vacuum came by. Call it before
// [Main].
func Safe() { shared.safe = "on" }

func (s *server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pg == nil {
		return nil
	}
	s.admin.Close()
	return s.pg.Stop()
}
