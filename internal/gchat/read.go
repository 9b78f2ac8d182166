package gchat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/api/googleapi"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Resource is a message, a membership or a space as Google has it now.
type Resource struct {
	Data json.RawMessage // as received; what stands below the resource's key in an event
	AsOf time.Time       // by Google's clock: what changed before is in it
}

// Errors that end a read for good. Both are marked permanent: the same call
// gives the same answer until somebody changes something.
var (
	// ErrGone says that the resource doesn't exist any more.
	ErrGone = errors.New("it is gone")
	// ErrDenied says that the app may not read here: it is not in the space,
	// or no administrator has approved that it reads this.
	ErrDenied = errors.New("the Chat app may not read it")
)

// Message reads a message, which may be a tombstone. Errors are marked as
// those of CreateMessage are, and with ErrGone or ErrDenied.
func (c *Client) Message(ctx context.Context, name string) (Resource, error) {
	got, err := read(ctx, c, name, c.pace.MessageReads, c.reader.Spaces.Messages.Get(name))
	if !errors.Is(err, ErrDenied) {
		return got, err
	}
	// A reply that was deleted along with the message it replied to is
	// forbidden, too: whether others can be read tells that from a missing
	// permission (fact sheet §8, rows 9 and 10).
	space := events.SpaceOf(name)
	if err := c.pace.WaitIn(ctx, c.pace.MessageReads, space); err != nil {
		return got, fmt.Errorf("read %s: %w", name, err)
	}
	if _, probeErr := do(ctx, c, c.reader.Spaces.Messages.List(space).PageSize(1)); probeErr == nil {
		return got, reactors.Permanent(fmt.Errorf("read %s: it is forbidden, while others of its space can be read: %w", name, ErrGone))
	} else if code(probeErr) != http.StatusForbidden && code(probeErr) != http.StatusNotFound {
		return got, classify(probeErr).mark("see whether " + space + " can be read")
	}
	return got, err
}

// Membership reads a membership: "spaces/S/members/U". Somebody who has left
// is ErrGone.
func (c *Client) Membership(ctx context.Context, name string) (Resource, error) {
	return read(ctx, c, name, c.pace.MemberReads, c.memberships.Spaces.Members.Get(name))
}

// Space reads a space.
func (c *Client) Space(ctx context.Context, name string) (Resource, error) {
	return read(ctx, c, name, c.pace.SpaceReads, c.memberships.Spaces.Get(name))
}

// Event reads a past event again, with its resources as they are now: the
// only way for an app to read a reaction.
func (c *Client) Event(ctx context.Context, name string) (SpaceEvent, time.Time, error) {
	got, err := readPaced(ctx, c, name, c.pace.EventReads.Wait, c.reader.Spaces.SpaceEvents.Get(name))
	if err != nil {
		return SpaceEvent{}, time.Time{}, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(got.Data, &fields); err != nil {
		return SpaceEvent{}, time.Time{}, fmt.Errorf("read %s: read the answer: %w", name, err)
	}
	e, err := readEvent(fields)
	if err != nil {
		return SpaceEvent{}, time.Time{}, fmt.Errorf("read %s: %w", name, err)
	}
	return e, got.AsOf, nil
}

func read[C call[C, A], A any](ctx context.Context, c *Client, name string, kind *rate.Limiter, one C) (Resource, error) {
	wait := func(ctx context.Context) error { return c.pace.WaitIn(ctx, kind, events.SpaceOf(name)) }
	return readPaced(ctx, c, name, wait, one)
}

func readPaced[C call[C, A], A any](
	ctx context.Context, c *Client, name string, wait func(context.Context) error, one C,
) (Resource, error) {
	if err := wait(ctx); err != nil {
		return Resource{}, fmt.Errorf("read %s: %w", name, err)
	}
	var got received
	began := time.Now()
	if _, err := do(withReceived(ctx, &got), c, one); err != nil {
		return Resource{}, explainRead(err).mark("read " + name)
	}
	return Resource{Data: got.body.Bytes(), AsOf: asOf(got.header, began)}, nil
}

// explainRead marks an error as ErrGone or ErrDenied if Google's answer means
// that.
func explainRead(err error) failure {
	f := classify(err)
	switch answer := redact(err); {
	case code(err) == http.StatusForbidden, appMissing(err):
		f.err = &markedError{ErrDenied, answer}
	case code(err) == http.StatusNotFound:
		f.err, f.words = &markedError{ErrGone, answer}, "Google Chat doesn't have it"
	}
	return f
}

// markedError is an error that also is kind, but doesn't say so in its text.
type markedError struct{ kind, err error }

func (e *markedError) Error() string   { return e.err.Error() }
func (e *markedError) Unwrap() []error { return []error{e.kind, e.err} }

func code(err error) int {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}

// asOf returns a time, by Google's clock, before which the answer to a call that
// began at our time can't have been read. The Date header has no fractions of a
// second, so asOf is rather early than late.
func asOf(answer http.Header, began time.Time) time.Time {
	now := time.Now()
	date, err := http.ParseTime(answer.Get("Date"))
	if err != nil {
		date = now
	}
	return date.Add(began.Sub(now)).UTC()
}
