package jobs

import "time"

// NextAfter says when a job of every interval comes after now.
func NextAfter(interval time.Duration, now time.Time) time.Time { return jittered(interval).Next(now) }
