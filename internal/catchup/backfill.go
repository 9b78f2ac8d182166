package catchup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

// CheckPast refuses what reaches further back than Google lists, or not back at
// all.
func CheckPast(d time.Duration) error {
	if d <= 0 || d > coverage.Kept {
		return errors.New("want 1s to 28d, such as 12h: Google keeps events for 28 days")
	}
	return nil
}

// listable returns those of the event types that spaceEvents.list knows: the
// deletion of a space can't be listed, nor what isn't about a space.
func listable(types []string) []string {
	return slices.DeleteFunc(slices.Clone(types), func(name string) bool {
		t, _ := events.TypeOf(name)
		return !t.Listable
	})
}

// Range is a span of time of a space.
type Range struct {
	Space    string // "spaces/S"
	From, To time.Time
	Gap      int64 // the gap that is being repaired; 0 for none
}

// Fill fetches the events of the range, from where an earlier attempt stopped. It
// calls report, which may be nil, after each batch. A permanent error says that
// Google won't list the space.
func (r *Reader) Fill(ctx context.Context, rng Range, report func(coverage.Backfill)) (coverage.Backfill, error) {
	if report == nil {
		report = func(coverage.Backfill) {}
	}
	b, err := r.coverage.BeginBackfill(ctx, rng.Space, rng.From, rng.To, rng.Gap)
	if err != nil || b.Done {
		return b, err
	}
	q := gchat.EventsQuery{
		Space: rng.Space, Types: r.opts.Types,
		After: b.Cursor, Through: rng.To.Add(r.opts.Overlap),
	}
	if !b.Cursor.After(rng.From) { // nothing is fetched yet
		q.After = rng.From.Add(-r.opts.Overlap - time.Microsecond) // it is exclusive
	}
	if oldest := r.opts.Now().Add(-coverage.Kept); q.After.Before(oldest) {
		q.After = oldest
	}
	err = r.copy(ctx, q, &b, report)
	if err != nil && !reactors.IsPermanent(err) {
		return b, err
	}
	b.Done = err == nil
	why := ""
	if err != nil {
		why = err.Error()
	}
	// If the end isn't saved, the next attempt makes a few calls more.
	if endErr := r.coverage.EndBackfill(ctx, b.ID, why); err == nil {
		err = endErr
	}
	return b, err
}

// batchSize is how many events are committed together, if Google lists them fast
// enough.
const batchSize = 500

// copy lists and records at the same time. Events that were listed before an
// error are recorded all the same.
func (r *Reader) copy(ctx context.Context, q gchat.EventsQuery, b *coverage.Backfill, report func(coverage.Backfill)) error {
	pages := make(chan []gchat.SpaceEvent, batchSize/100)
	listing, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error {
		defer close(pages)
		return r.list(listing, q, pages)
	})
	var recordErr error
	for page := range pages {
		if recordErr != nil {
			continue // the lister is about to stop
		}
		if recordErr = r.record(ctx, q.Space, gather(page, pages), b); recordErr != nil {
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

func (r *Reader) list(ctx context.Context, q gchat.EventsQuery, pages chan<- []gchat.SpaceEvent) error {
	for {
		page, err := r.chat.SpaceEvents(ctx, q)
		if err != nil {
			if q.Page != "" && reactors.IsPermanent(err) {
				// The token may be too old: the next attempt goes without one.
				return fmt.Errorf("list the next page: %w", unmarked{err})
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

// gather adds pages that were listed meanwhile.
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

func (r *Reader) record(ctx context.Context, space string, batch []gchat.SpaceEvent, b *coverage.Backfill) error {
	if len(batch) == 0 {
		return nil
	}
	deliveries := make([]events.Delivery, len(batch))
	for i := range batch {
		deliveries[i] = delivery(space, &batch[i], r.opts.Now())
	}
	outcomes, err := r.eventLog.Record(ctx, deliveries)
	if err != nil {
		return err
	}
	b.Seen += len(batch)
	for i, o := range outcomes {
		switch o {
		case events.Recorded:
			b.Recorded++
		case events.Quarantined:
			r.opts.Log.Info("past event not recorded; it is in the quarantine",
				zap.String("event", batch[i].Name), zap.String("type", batch[i].Type))
		}
	}
	if last, err := time.Parse(time.RFC3339Nano, batch[len(batch)-1].Time); err == nil && last.After(b.Cursor) {
		// More events may have the same time.
		b.Cursor = last.Add(-time.Microsecond)
	}
	return r.coverage.AdvanceBackfill(ctx, *b)
}

// delivery is the event as Pub/Sub would have brought it.
func delivery(space string, e *gchat.SpaceEvent, now time.Time) events.Delivery {
	d := events.Delivery{
		ReceivedAt: now.UTC(),
		Origin:     events.OriginBackfill,
		Data:       e.Data,
		Attributes: attributes(space, e.Name, e.Type, e.Time),
	}
	if d.Data == nil {
		d.Data = []byte("{}")
	}
	d.Event, d.Malformed = events.Decode(d.Attributes, d.Data)
	return d
}

// attributes are those of an event that was read from the space. Nobody knows
// which subscription would have brought it, so the source is the space.
func attributes(space, id, eventType, at string) map[string]string {
	return map[string]string{
		"ce-id":              id,
		"ce-type":            eventType,
		"ce-time":            at,
		"ce-source":          "//chat.googleapis.com/" + space,
		"ce-subject":         "//chat.googleapis.com/" + space,
		"ce-specversion":     "1.0",
		"ce-datacontenttype": "application/json",
	}
}
