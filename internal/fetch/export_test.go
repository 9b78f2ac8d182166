package fetch

import (
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// NewWorker is the worker by itself.
func NewWorker(f *Fetcher) river.Worker[jobs.Fetch] { return &worker{fetcher: f} }
