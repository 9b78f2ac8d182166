package members

import (
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// NewWorker is the worker by itself.
func NewWorker(s *Seeder) river.Worker[jobs.Members] { return &worker{seeder: s} }
