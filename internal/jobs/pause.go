package jobs

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river/rivertype"
)

// Pause is how long to put a job off that did not go through: Google's
// truncated exponential backoff, by how often the job was put off before.
// Workers snooze rather than err, as River gives up after a number of errors.
func Pause(job *rivertype.JobRow) time.Duration {
	var metadata struct {
		Snoozes int `json:"snoozes"`
	}
	_ = json.Unmarshal(job.Metadata, &metadata) // without it: never put off
	return time.Second<<min(metadata.Snoozes, 6) + rand.N(time.Second)
}
