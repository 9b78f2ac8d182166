//go:build !race

package storetest

// RaceDetector reports whether the race detector is on: it takes several
// times the time and the memory.
const RaceDetector = false
