// Package fetch gets what events that hold names only are about, from the
// Chat API, after they were recorded.
//
//	store.Record ── jobs.Fetch, in its transaction ─▶ messages.get      ─┐
//	                                                  members.get       ─┤
//	                                                  spaces.get        ─┼─▶ store.Enrich
//	                                                  spaceEvents.get   ─┘
//	                                                  (of a reaction)
//
// It promises that every name is fetched or, for a reason that is kept, given
// up. What comes is read with the same care as an event, and the log stays as
// it was recorded: only the projections catch up, marked as of the time of
// fetching, as the resource may have changed since.
//
// # What happens on failure
//
// What is gone is given up at once. What the app may not read is tried again
// for a day, in which somebody may allow it. Trouble that may pass puts the
// job off.
//
// # Concurrency
//
// A Fetcher may be used by any number of goroutines. It keeps to Google's
// quotas, 15 reads a second in a space, over all of them.
package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Options are the settings of a Fetcher. The zero value works.
type Options struct {
	Now func() time.Time // nil: time.Now
	Log *zap.Logger      // nil: nothing is logged
}

// Fetcher fetches resources and fills them in.
type Fetcher struct {
	chat *gchat.Client
	db   *store.Store
	opts Options
}

// New returns a Fetcher.
func New(chat *gchat.Client, db *store.Store, opts Options) *Fetcher {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	return &Fetcher{chat, db, opts}
}

// named turns a job's arguments back into what the store knows.
func named(args jobs.Fetch) (store.Named, error) {
	key, err := uuid.Parse(args.Key)
	if err != nil {
		return store.Named{}, fmt.Errorf("read the event's key: %w", err)
	}
	return store.Named{
		Key: store.Key(key), Ordinal: args.Ordinal, Time: args.EventTime,
		Kind: events.Kind(args.ItemKind), Resource: args.Resource, Space: args.Space,
	}, nil
}

// answer is a resource in the form that an event would have it in.
type answer struct {
	eventType string
	data      json.RawMessage
	asOf      time.Time
	ordinal   int // of the item in the data
}

// get calls the API.
func (f *Fetcher) get(ctx context.Context, args jobs.Fetch) (answer, error) {
	const chat = "google.workspace.chat."
	var read func(context.Context, string) (gchat.Resource, error)
	var key, eventType string
	switch events.Kind(args.ItemKind) {
	case events.KindMessage:
		read, key, eventType = f.chat.Message, "message", "message.v1.created"
	case events.KindMembership:
		read, key, eventType = f.chat.Membership, "membership", "membership.v1.created"
	case events.KindSpace:
		read, key, eventType = f.chat.Space, "space", "space.v1.updated"
	default:
		// There is no way to get a reaction but in its event.
		e, asOf, err := f.chat.Event(ctx, args.Event)
		return answer{e.Type, e.Data, asOf, args.Ordinal}, err
	}
	got, err := read(ctx, args.Resource)
	if err != nil {
		return answer{}, err
	}
	data, err := json.Marshal(map[string]json.RawMessage{key: got.Data})
	if err != nil {
		return answer{}, fmt.Errorf("read %s: %w", args.Resource, err)
	}
	return answer{chat + eventType, data, got.AsOf, 0}, nil
}

var errMalformed = errors.New("the answer can't be understood")

// read takes the item out of the answer, with the care that events get.
func (a answer) read(args jobs.Fetch) (events.Item, error) {
	ev, bad := events.Decode(map[string]string{
		"ce-id":              args.Event,
		"ce-type":            a.eventType,
		"ce-time":            args.EventTime.UTC().Format(time.RFC3339Nano),
		"ce-source":          "//chat.googleapis.com/" + args.Space,
		"ce-subject":         "//chat.googleapis.com/" + args.Space,
		"ce-specversion":     "1.0",
		"ce-datacontenttype": "application/json",
	}, a.data)
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
