package clock_test

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
)

// Zones are known where none are installed. The test runs itself again in a mount
// namespace in which all places that Go looks at are empty.
func TestZonesAreBuiltIn(t *testing.T) {
	t.Parallel()
	if os.Getenv("NO_ZONES") == "" {
		self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestZonesAreBuiltIn$", "-test.v")
		self.Env = append(os.Environ(), "NO_ZONES=1", "ZONEINFO=/nowhere")
		self.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		out, err := self.CombinedOutput()
		if _, ran := err.(*exec.ExitError); err != nil && !ran { //nolint:errorlint // as exec returns it
			t.Skipf("no namespace can be made here: %v", err)
		}
		if err != nil {
			t.Errorf("without zones: %v\n%s", err, out)
		}
		return
	}
	places := []string{"/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/lib/locale/TZ", "/etc/zoneinfo", runtime.GOROOT() + "/lib/time"} //nolint:staticcheck // where Go looks
	for _, place := range places {
		if _, err := os.Stat(place); err != nil {
			continue
		}
		if err := syscall.Mount("none", place, "tmpfs", 0, ""); err != nil {
			t.Skipf("nothing can be mounted here: %v", err)
		}
	}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Asia/Kathmandu"} {
		if _, err := clock.Zone(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
