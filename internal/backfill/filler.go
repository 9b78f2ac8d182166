// Package backfill fetches past events of spaces and closes gaps with them.
//
//	spaces.spaceEvents.list ─▶ pages ─▶ events.Decode ─▶ store.Record ─▶ cursor
//
// It promises that a gap is closed only when every event that Google lists for
// it is committed. What comes goes the way of live events: the same decoding,
// the same keys, so that an event which is there is not recorded again; only
// its origin is another, and no reactor acts on it.
//
// Google lists events of the last 28 days, with resources as they are now
// (fact sheet §5). A member who has left since comes without a name: such an
// event goes to the quarantine, which keeps it without standing in the way of
// a live copy.
//
// # What happens on failure
//
// Progress is kept after each batch, by the time of its last event: whoever
// goes on fetches at most a batch again. Trouble that may pass puts the job
// off. What can't be fetched at all leaves the gap, with the reason.
//
// # Concurrency
//
// A Filler may be used by any number of goroutines, but for one range of one
// space by one at a time.
package backfill

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Kept is how long Google lists events.
const Kept = 28 * 24 * time.Hour

// Options are the settings of a Filler.
type Options struct {
	// Types are the event types to fetch, by Google's full names. Those that
	// can't be listed are left out.
	Types []string
	// Overlap is how much more than asked for is fetched on both sides, as
	// Google delivers late and out of order.
	Overlap time.Duration
	// Now is Google's clock. Default time.Now.
	Now func() time.Time
	// Observe is told of each gap that is closed and how many events that
	// added; nil for nobody.
	Observe func(store.Gap, int)
	Log     *zap.Logger
}

// Filler fetches past events.
type Filler struct {
	chat  *gchat.Client
	store *store.Store
	opts  Options
}

// New returns a Filler.
func New(chat *gchat.Client, s *store.Store, opts Options) *Filler {
	opts.Types = Listable(opts.Types)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Observe == nil {
		opts.Observe = func(store.Gap, int) {}
	}
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	return &Filler{chat: chat, store: s, opts: opts}
}

// Range is a time of a space.
type Range struct {
	Space    string // "spaces/S"
	From, To time.Time
	Gap      int64 // the gap that is being repaired; 0 for none
}

// Fill fetches what is missing of the range, from where an earlier attempt
// stopped. report is told of the progress after each batch; it may be nil.
// An error that [reactors.IsPermanent] says that Google won't list the space.
func (f *Filler) Fill(ctx context.Context, r Range, report func(store.Backfill)) (store.Backfill, error) {
	if report == nil {
		report = func(store.Backfill) {}
	}
	b, err := f.store.BeginBackfill(ctx, r.Space, r.From, r.To, r.Gap)
	if err != nil || b.Done {
		return b, err
	}
	q := gchat.EventsQuery{
		Space: r.Space, Types: f.opts.Types,
		After: b.Cursor, Through: r.To.Add(f.opts.Overlap),
	}
	if !b.Cursor.After(r.From) { // nothing is fetched yet
		q.After = r.From.Add(-f.opts.Overlap - time.Microsecond) // it is exclusive
	}
	if oldest := f.opts.Now().Add(-Kept); q.After.Before(oldest) {
		q.After = oldest
	}
	err = f.copy(ctx, q, &b, report)
	if err != nil && !reactors.IsPermanent(err) {
		return b, err
	}
	b.Done = err == nil
	why := ""
	if err != nil {
		why = err.Error()
	}
	// An end that isn't kept costs the next attempt a few calls.
	if endErr := f.store.EndBackfill(ctx, b.ID, why); err == nil {
		err = endErr
	}
	return b, err
}

// batchSize is how many events are committed together at least, if Google
// lists them as fast.
const batchSize = 500

// copy lists and records at the same time. What was listed before an error
// is recorded all the same.
func (f *Filler) copy(ctx context.Context, q gchat.EventsQuery, b *store.Backfill, report func(store.Backfill)) error {
	pages := make(chan []gchat.SpaceEvent, batchSize/100)
	listing, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error {
		defer close(pages)
		return f.list(listing, q, pages)
	})
	var recordErr error
	for page := range pages {
		if recordErr != nil {
			continue // the lister is about to stop
		}
		if recordErr = f.record(ctx, q.Space, gather(page, pages), b); recordErr != nil {
			stop()
			continue
		}
		report(*b)
	}
	if err := g.Wait(); recordErr == nil {
		return err
	}
	return recordErr
}

func (f *Filler) list(ctx context.Context, q gchat.EventsQuery, pages chan<- []gchat.SpaceEvent) error {
	for {
		page, err := f.chat.SpaceEvents(ctx, q)
		if err != nil {
			if q.Page != "" && reactors.IsPermanent(err) {
				// The token may be too old. Without one the next attempt will tell.
				return fmt.Errorf("turn a page: %w", unmarked{err})
			}
			return err
		}
		select {
		case pages <- page.Events:
		case <-ctx.Done():
			return ctx.Err()
		}
		if q.Page = page.Next; q.Page == "" {
			return nil
		}
	}
}

// unmarked hides that an error is permanent.
type unmarked struct{ err error }

func (u unmarked) Error() string { return u.err.Error() }

// gather adds the pages that are there already.
func gather(batch []gchat.SpaceEvent, pages <-chan []gchat.SpaceEvent) []gchat.SpaceEvent {
	for len(batch) < batchSize {
		select {
		case more, ok := <-pages:
			if !ok {
				return batch
			}
			batch = append(batch, more...)
		default:
			return batch
		}
	}
	return batch
}

func (f *Filler) record(ctx context.Context, space string, batch []gchat.SpaceEvent, b *store.Backfill) error {
	if len(batch) == 0 {
		return nil
	}
	deliveries := make([]events.Delivery, len(batch))
	for i := range batch {
		deliveries[i] = delivery(space, &batch[i], f.opts.Now())
	}
	outcomes, err := f.store.Record(ctx, deliveries)
	if err != nil {
		return err
	}
	b.Seen += len(batch)
	for i, o := range outcomes {
		switch o {
		case events.Recorded:
			b.Recorded++
		case events.Quarantined:
			f.opts.Log.Info("a past event could not be recorded and is in the quarantine",
				zap.String("event", batch[i].Name), zap.String("type", batch[i].Type))
		}
	}
	if last, err := time.Parse(time.RFC3339Nano, batch[len(batch)-1].Time); err == nil && last.After(b.Cursor) {
		// More events may have the same time.
		b.Cursor = last.Add(-time.Microsecond)
	}
	return f.store.AdvanceBackfill(ctx, *b)
}
