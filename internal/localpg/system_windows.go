package localpg

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// socketFits holds everywhere: on Windows the server listens on loopback.
func socketFits(string) bool { return true }

// account is the current user: Windows has no cheap way to start a process as
// another one. PostgreSQL refuses an elevated administrator and says so.
type account struct{}

func chooseAccount() (account, error) { return account{}, nil }

func (account) own(string) error { return nil }

func reachable(string, account) error { return nil }

// detach keeps the console's Ctrl-C from the server.
func detach(cmd *exec.Cmd, _ account) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// shutdown asks the server to stop; Windows has no signals, so pg_ctl does it.
func (p *postmaster) shutdown(how shutdown) error {
	mode := "fast"
	if how == stopImmediate {
		mode = "immediate"
	}
	//nolint:noctx // it only signals, and is needed when contexts are over
	cmd := exec.Command(filepath.Join(p.cluster.bin, "pg_ctl"), "stop", "--no-wait", "--mode="+mode, "--pgdata="+p.cluster.data())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w: %s", cmd.Path, err, lastLines(out))
	}
	return nil
}

// kill ends the postmaster; its children see that and end by themselves.
func (p *postmaster) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *postmaster) pause() error  { return errors.ErrUnsupported }
func (p *postmaster) resume() error { return errors.ErrUnsupported }

// guard is a job object whose last handle is ours: when our process ends, in
// whatever way, Windows ends the processes in it.
type guard struct{ job windows.Handle }

func startGuard(*cluster) (*guard, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("create job object: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{
			LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
		},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("limit job object: %w", err), windows.CloseHandle(job))
	}
	return &guard{job: job}, nil
}

// watch puts the server into the job; its children follow.
func (g *guard) watch(p *postmaster) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(p.cmd.Process.Pid))
	if err != nil {
		return fmt.Errorf("open server process %d: %w", p.cmd.Process.Pid, err)
	}
	defer func() { _ = windows.CloseHandle(process) }() // only the job keeps it
	if err := windows.AssignProcessToJobObject(g.job, process); err != nil {
		return fmt.Errorf("put server process %d into the job: %w", p.cmd.Process.Pid, err)
	}
	return nil
}

// unwatch has nothing to do: a process that ended has left the job.
func (g *guard) unwatch() error { return nil }

func (g *guard) release() error {
	if err := windows.CloseHandle(g.job); err != nil {
		return fmt.Errorf("close job object: %w", err)
	}
	return nil
}

// endLeftovers does nothing: servers aren't killed here.
func endLeftovers(string) {}
