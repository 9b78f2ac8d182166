package cli

import (
	"fmt"
	"time"
)

// ReportEvery is how often progress is told.
const ReportEvery = 5 * time.Second

// Progress returns what tells on standard error, every few seconds, up to when of
// the time between from and to something has come, and how long the rest will take.
// what begins the line.
func (e *Env) Progress(what string, from, to time.Time) func(at time.Time) {
	began := time.Now()
	told := began
	return func(at time.Time) {
		if time.Since(told) < ReportEvery {
			return
		}
		told = time.Now()
		e.Say("%sup to %s%s", what, at.UTC().Format(time.DateTime), TimeLeft(from, at, to, time.Since(began)))
	}
}

// TimeLeft estimates by the time that has been covered since the first report;
// it says nothing while that is none.
func TimeLeft(first, cursor, to time.Time, took time.Duration) string {
	done, left := cursor.Sub(first), to.Sub(cursor)
	if done <= 0 || left <= 0 {
		return ""
	}
	estimate := time.Duration(float64(took) * float64(left) / float64(done))
	return fmt.Sprintf(", about %s left", estimate.Round(time.Second))
}
