package jobs

import "time"

// NewRiverLog is how River's lines get into our log.
var NewRiverLog = newRiverLog

// NextAfter says when a job of every interval comes after now.
func NextAfter(interval time.Duration, now time.Time) time.Time { return jittered(interval).Next(now) }
