//go:build race

package waittest

const raceDetector = true
