package localpg

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// childrenOf lists the processes whose parent is pid. Every server process is
// a child of the postmaster.
func childrenOf(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var children []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …: the name may hold anything, so look for its end.
		_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		fields := bytes.Fields(rest)
		if len(fields) < 2 || string(fields[1]) != strconv.Itoa(pid) {
			continue
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, fmt.Errorf("read process id of %s: %w", path, err)
		}
		children = append(children, child)
	}
	return children, nil
}

// endLeftovers kills the processes that work in a database's folder. Nobody may
// be running a server there: they are what is left of a killed one.
func endLeftovers(data string) {
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		return
	}
	for _, link := range links {
		if dir, err := os.Readlink(link); err != nil || dir != data {
			continue // it has ended, or is somebody else's
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
