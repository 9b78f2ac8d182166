// Package waittest is for packages whose tests wait more than they compute: for
// deadlines, leases and other processes.
//
// It promises that as many of their parallel tests run at once as they ask for,
// however few cores the machine has, unless go test was told another number
// (-parallel) or the race detector makes all of them compute. Call [AtOnce] in TestMain, before flags are parsed. A failure is a
// panic: the testing package has no such flag any more.
package waittest

import (
	"flag"
	"runtime"
	"strconv"
)

// AtOnce lets n parallel tests run at once, or as many as there are cores.
func AtOnce(n int) {
	if raceDetector {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(max(n, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
}
