package reactors

import (
	"fmt"

	"github.com/riverqueue/river"
)

// MaxWorkers is how many attempts are under way at once. Most wait for the
// Chat API.
const MaxWorkers = 50

// AddWorkers makes d the worker of runs.
func (d *Dispatcher) AddWorkers(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, d); err != nil {
		return fmt.Errorf("register the dispatcher: %w", err)
	}
	return nil
}
