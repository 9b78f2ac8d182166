//go:build unix && !linux

package localpg

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// childrenOf lists the processes whose parent is pid. Every server process is
// a child of the postmaster.
func childrenOf(pid int) ([]int, error) {
	//nolint:noctx // it ends by itself
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var children []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) != 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		child, err := strconv.Atoi(fields[0])
		if err != nil {
			return nil, fmt.Errorf("read process id %q: %w", fields[0], err)
		}
		children = append(children, child)
	}
	return children, nil
}

// endLeftovers does nothing: here they have to end by themselves.
func endLeftovers(string) {}
