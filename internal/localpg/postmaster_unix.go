//go:build unix

package localpg

import (
	"errors"
	"fmt"
	"syscall"
)

// shutdown asks the server to stop and returns at once.
func (p *postmaster) shutdown(how shutdown) error {
	signal := syscall.SIGINT
	if how == stopImmediate {
		signal = syscall.SIGQUIT
	}
	return p.signal(p.cmd.Process.Pid, signal)
}

// kill ends the server's processes at once and waits for the postmaster. That
// is stopped first, so that it starts no child between the list and its end.
func (p *postmaster) kill() {
	_ = p.signal(p.cmd.Process.Pid, syscall.SIGSTOP)
	children, _ := childrenOf(p.cmd.Process.Pid) // without their parent they end by themselves
	_ = p.cmd.Process.Kill()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-p.exited
}

// pause stops the postmaster before its children, so that it starts no more.
func (p *postmaster) pause() error {
	pid := p.cmd.Process.Pid
	if err := p.signal(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := childrenOf(pid)
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := p.signal(child, syscall.SIGSTOP); err != nil {
			return err
		}
	}
	return nil
}

func (p *postmaster) resume() error {
	pid := p.cmd.Process.Pid
	children, err := childrenOf(pid)
	if err != nil {
		return err
	}
	for _, each := range append(children, pid) {
		if err := p.signal(each, syscall.SIGCONT); err != nil {
			return err
		}
	}
	return nil
}

// signal sends to a process of the server. One that has just ended is no error.
func (p *postmaster) signal(pid int, signal syscall.Signal) error {
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %v to server process %d: %w", signal, pid, err)
	}
	return nil
}
