package jobs

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river/rivertype"
)

// Pause is how long to put a job off that did not go through, by how often it
// was put off before. Workers snooze rather than err, as River gives up after a
// number of errors.
func Pause(job *rivertype.JobRow) time.Duration {
	var metadata struct {
		Snoozes int `json:"snoozes"`
	}
	_ = json.Unmarshal(job.Metadata, &metadata) // without it: never put off
	return Backoff(metadata.Snoozes)
}

// Backoff is Google's truncated exponential backoff after so many failures
// before this one: 2^n seconds and up to one more, at most about a minute.
func Backoff(n int) time.Duration {
	return time.Second<<min(max(n, 0), 6) + rand.N(time.Second)
}
