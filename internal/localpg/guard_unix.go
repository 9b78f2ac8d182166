//go:build unix

package localpg

import (
	"fmt"
	"io"
	"os/exec"
)

// guardScript stops the server when its standard input ends, which it does
// when our process ends, in whatever way: the kernel closes the pipe. Each
// line of input is the id of the postmaster, or empty while there is none;
// being told, the script never signals a process id that has been reused.
//
// A paused server has to go on before it can stop. The immediate shutdown
// (QUIT) needs nobody's patience; the next start recovers. The folder to
// remove, if any, is the first argument.
const guardScript = `
trap '' INT TERM HUP
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
	kill -QUIT "$pid"; kill -CONT "$pid"
	tries=150
	while [ "$tries" -gt 0 ] && kill -0 "$pid"; do sleep 0.1; tries=$((tries-1)); done
fi 2>/dev/null
if [ -n "$1" ]; then rm -rf "$1"; fi
`

// guard is the process that outlives ours if ours is killed.
type guard struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// startGuard starts the watcher of a server that is about to start. It runs
// as ourselves, so that it may remove the folder.
func startGuard(c *cluster) (*guard, error) {
	remove := ""
	if c.temporary {
		remove = c.dir
	}
	//nolint:noctx // it lives as long as the server
	cmd := exec.Command("/bin/sh", "-c", guardScript, "spacekeeper-postgres-guard", remove)
	cmd.Dir = "/"
	detach(cmd, account{})
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe to the guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run /bin/sh: %w", err)
	}
	return &guard{cmd: cmd, pipe: pipe}, nil
}

// watch tells the guard which process to stop.
func (g *guard) watch(p *postmaster) error {
	return g.tell(fmt.Sprintf("%d\n", p.cmd.Process.Pid))
}

// unwatch tells the guard that the server is gone.
func (g *guard) unwatch() error { return g.tell("\n") }

func (g *guard) tell(line string) error {
	if _, err := io.WriteString(g.pipe, line); err != nil {
		return fmt.Errorf("tell the guard of the server's process: %w", err)
	}
	return nil
}

// release ends the guard; the server must be gone.
func (g *guard) release() error {
	if err := g.pipe.Close(); err != nil {
		return fmt.Errorf("close pipe to the guard: %w", err)
	}
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("wait for the guard: %w", err)
	}
	return nil
}
