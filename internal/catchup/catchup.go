// Package catchup reads from Google what no event told, and records it.
//
//	job       asks Google                                  records
//	Backfill  spaceEvents.list over a gap                  events; the gap is closed
//	Fetch     messages.get, members.get, spaces.get        content of names-only events
//	          (of a reaction: spaceEvents.get)
//	Members   members.list, members.get                    who came or left unseen
//	Silence   one page of spaceEvents.list                 a gap, if events are missing; a job for
//	                                                       each gap that has lost its own
//
// It promises that:
//   - a gap is closed only when every event that Google lists for it is
//     committed. Past events are decoded and keyed as live ones are, so none is
//     recorded twice;
//   - every name is fetched or, for a reason that is kept, given up. The event
//     log stays as it was recorded; the projections catch up, marked as of the
//     time of fetching, as the resource may have changed since;
//   - no reactor acts on a past event or on a list of members, and whatever an
//     event tells of the time of a list or later wins over the list;
//   - a subscription that is ACTIVE and delivers nothing is noticed: Google says
//     whether something has happened. A space is checked again once its silence
//     has doubled, so quiet spaces cost next to nothing.
//
// Google lists events of the last 28 days, with resources as they are now
// (fact sheet §5). The event of a member who has left since comes without a
// name: it goes to the quarantine, and a live copy is recorded all the same.
// People who are in a space through a Google Group are not in Google's list;
// the group is, for user authentication. They become known when they write or
// react (fact sheet §1.3).
//
// # What happens on failure
//
// A job whose trouble may pass is put off. A backfill saves its progress after
// each batch, so the next attempt fetches at most one batch again. A gap that
// Google refuses to list stays, with the reason. What is gone is given up at
// once; what the app may not read is tried for a day, in which somebody may
// allow it. A list of members is recorded as a whole or not at all. Errors that
// a person has to mend are marked permanent; they are logged, and the job ends.
//
// # Concurrency
//
// A Reader may be used by any number of goroutines, but only one at a time may
// fill the same range of a space.
package catchup

import (
	"cmp"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
)

// How many jobs one process works on at once. Google's quota is for all of
// them together; fetching reaches it with fewer calls under way.
const (
	MaxBackfills = 4
	MaxFetches   = 16
)

// Options are the settings of a Reader. The zero value works, but lists no
// events.
type Options struct {
	// Types are the event types to list, by Google's full names. Those that
	// can't be listed are left out.
	Types []string
	// Overlap is how much more than asked for a backfill fetches on both sides,
	// as Google delivers late and out of order.
	Overlap time.Duration
	// AsUser says that the client is authenticated as a user: lists of members
	// then hold groups and invited people, too.
	AsUser bool
	// Now is Google's clock. Default time.Now.
	Now func() time.Time
	// OnRepaired is called for each gap that is closed, with how many events
	// that added; nil for nobody.
	OnRepaired func(coverage.Gap, int)
	// Log may be nil: then nothing is logged.
	Log *zap.Logger
}

// Reader reads from Google and records.
type Reader struct {
	chat     *gchat.Client
	eventLog *eventlog.Log
	coverage *coverage.Coverage
	opts     Options
	budget   time.Duration // of one attempt at a gap
}

// New returns a Reader.
func New(chat *gchat.Client, l *eventlog.Log, c *coverage.Coverage, opts Options) *Reader {
	opts.Types = listable(opts.Types)
	opts.Log = cmp.Or(opts.Log, zap.NewNop())
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.OnRepaired == nil {
		opts.OnRepaired = func(coverage.Gap, int) {}
	}
	return &Reader{chat, l, c, opts, backfillBudget}
}

// AddWorkers adds the workers of all jobs that the package comment lists.
func (r *Reader) AddWorkers(workers *river.Workers) error {
	return errors.Join(
		jobs.AddWorker(workers, backfillTimeout, r.workOnGap),
		jobs.AddWorker(workers, 0, r.workOnFetch),
		jobs.AddWorker(workers, membersTimeout, r.workOnMembers),
		jobs.AddWorker(workers, silenceTimeout, r.workOnSilences),
	)
}

// retry puts a job off for as long as the error asks for, or else for longer
// each time. It snoozes, as River gives up after a number of errors.
func retry(log *zap.Logger, message string, job *rivertype.JobRow, err error) error {
	wait, asked := reactors.RetryDelay(err)
	if !asked {
		wait = jobs.Pause(job)
	}
	log.Warn(message, zap.Duration("retry_in", wait), zap.Error(err))
	return river.JobSnooze(wait)
}
