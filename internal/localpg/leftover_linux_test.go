package localpg

import (
	"syscall"
	"testing"
)

// A process that Kill has missed, and that doesn't end by itself, is no
// obstacle for long.
func TestRestartsInSpiteOfALeftover(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	postmaster := s.postmaster.cmd.Process.Pid
	children, err := childrenOf(postmaster)
	if err != nil || len(children) == 0 {
		t.Fatalf("children %v, %v", children, err)
	}
	for _, child := range children {
		if err := syscall.Kill(child, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(postmaster, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.postmaster.exited
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(testContext(t)); err != nil {
		t.Fatal(err)
	}
}
