package catchup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

const (
	deniedPause = 15 * time.Minute // between attempts while the app may not read
	deniedFor   = 24 * time.Hour   // after the event; then it is given up
)

// workOnFetch fetches the resource of one item of a names-only event.
func (r *Reader) workOnFetch(ctx context.Context, job *river.Job[jobs.Fetch]) error {
	args, log := job.Args, r.opts.Log.With(zap.String("resource", job.Args.Resource))
	n, err := named(args)
	if err != nil {
		return river.JobCancel(err)
	}
	err = r.fetch(ctx, n, args)
	level := zap.WarnLevel
	var reason string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gchat.ErrGone):
		level, reason = zap.DebugLevel, "gone" // somebody deleted it: nothing is wrong
	case errors.Is(err, gchat.ErrDenied):
		if r.opts.Now().Sub(args.EventTime) < deniedFor {
			return retry(log, contentNotFetched, job.JobRow, reactors.RetryAfter(deniedPause, err))
		}
		reason = "denied"
	case errors.Is(err, errMalformed):
		reason = "malformed"
	case reactors.IsPermanent(err):
		reason = "refused"
	default:
		return retry(log, contentNotFetched, job.JobRow, err)
	}
	log.Log(level, "content of an event not fetched; given up", zap.String("reason", reason), zap.Error(err))
	if err := r.eventLog.GiveUp(ctx, n, reason, err.Error()); err != nil {
		return retry(log, contentNotFetched, job.JobRow, err)
	}
	return nil
}

const contentNotFetched = "content of an event not fetched; retrying later"

func (r *Reader) fetch(ctx context.Context, n eventlog.Named, args jobs.Fetch) error {
	got, err := r.get(ctx, args)
	if err != nil {
		return err
	}
	it, err := got.read(args)
	if err != nil {
		return err
	}
	err = r.eventLog.Enrich(ctx, n, it, got.asOf)
	if errors.Is(err, eventlog.ErrNoEvent) {
		return nil // its month was dropped meanwhile
	}
	return err
}

// named returns the item that a job is about.
func named(args jobs.Fetch) (eventlog.Named, error) {
	key, err := uuid.Parse(args.Key)
	if err != nil {
		return eventlog.Named{}, fmt.Errorf("read the event's key: %w", err)
	}
	return eventlog.Named{
		Key: items.Key(key), Ordinal: args.Ordinal, Time: args.EventTime,
		Kind: events.Kind(args.ItemKind), Resource: args.Resource, Space: args.Space,
	}, nil
}

// answer is a resource as an event would hold it.
type answer struct {
	eventType string
	data      json.RawMessage
	asOf      time.Time
	ordinal   int // of the item in the data
}

// get reads the resource from the Chat API.
func (r *Reader) get(ctx context.Context, args jobs.Fetch) (answer, error) {
	var read func(context.Context, string) (gchat.Resource, error)
	kind, verb := events.Kind(args.ItemKind), events.VerbCreated
	switch kind {
	case events.KindMessage:
		read = r.chat.Message
	case events.KindMembership:
		read = r.chat.Membership
	case events.KindSpace:
		read, verb = r.chat.Space, events.VerbUpdated
	default:
		// An app can read a reaction only in its event.
		e, asOf, err := r.chat.Event(ctx, args.Event)
		return answer{e.Type, e.Data, asOf, args.Ordinal}, err
	}
	got, err := read(ctx, args.Resource)
	if err != nil {
		return answer{}, err
	}
	eventType := events.TypeName(kind, verb)
	data, err := json.Marshal(map[string]json.RawMessage{events.ResourceOf(eventType): got.Data})
	if err != nil {
		return answer{}, fmt.Errorf("read %s: %w", args.Resource, err)
	}
	return answer{eventType, data, got.AsOf, 0}, nil
}

var errMalformed = errors.New("the answer can't be understood")

// read decodes the answer as an event, and returns its item.
func (a answer) read(args jobs.Fetch) (events.Item, error) {
	at := args.EventTime.UTC().Format(time.RFC3339Nano)
	ev, bad := events.Decode(attributes(args.Space, args.Event, a.eventType, at), a.data)
	if bad != nil {
		return events.Item{}, fmt.Errorf("read %s: %w: %w", args.Resource, errMalformed, bad)
	}
	for _, it := range ev.Items {
		if it.Ordinal != a.ordinal {
			continue
		}
		if it.Resource != args.Resource || it.NamesOnly() {
			return events.Item{}, fmt.Errorf("read %s: %w: it is %s, or has a name only", args.Resource, errMalformed, it.Resource)
		}
		return it, nil
	}
	return events.Item{}, fmt.Errorf("read %s: %w", args.Resource, gchat.ErrGone) // its event is empty now
}
