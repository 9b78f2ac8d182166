package quota

import (
	"cmp"
	"context"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"
)

// Options are the settings of a Pacer. The zero value works.
type Options struct {
	// Backoff is the pause after Google has said for the first time that a quota of
	// the Workspace Events API is used up, and not for how long; it then doubles.
	// Default 1s.
	Backoff time.Duration
	// Log is told when a quota is used up, and when there is room again; nil for
	// nobody.
	Log *zap.Logger
	// Now is the local clock and Wait a pause by it; nil for the real ones.
	Now  func() time.Time
	Wait func(context.Context, time.Duration) error
}

// Pacer holds the quotas of a process. Its fields may be used by any number of
// goroutines.
type Pacer struct {
	// Subscriptions are the calls of the Workspace Events API.
	SubscriptionReads, SubscriptionWrites *Quota
	*Chat
}

// Google allows 100 reads and 100 writes a minute and user, and a service account
// is one user. Reads may come all at once, as a list of 10,000 subscriptions takes
// as many. Writes are spread: whoever sees thousands go by sees them move.
const (
	readsAtOnce  = 100
	readsWithin  = time.Minute
	writesAtOnce = 8
	writesWithin = 5 * time.Second
)

// New returns a Pacer.
func New(opts Options) *Pacer {
	opts.Backoff = cmp.Or(opts.Backoff, time.Second)
	opts.Log = cmp.Or(opts.Log, zap.NewNop())
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Wait == nil {
		opts.Wait = gax.Sleep
	}
	return &Pacer{
		SubscriptionReads:  &Quota{opts: opts, name: "subscription reads", limit: readsAtOnce, span: readsWithin + late(readsWithin)},
		SubscriptionWrites: &Quota{opts: opts, name: "subscription writes", limit: writesAtOnce, span: writesWithin + late(writesWithin)},
		Chat:               newChat(),
	}
}

// late makes up for calls that take longer than others to reach Google.
func late(span time.Duration) time.Duration { return span / 30 }

// WritesTake is how long so many changes of subscriptions take.
func WritesTake(n int) time.Duration {
	return time.Duration(max(n-1, 0)/writesAtOnce) * (writesWithin + late(writesWithin))
}
