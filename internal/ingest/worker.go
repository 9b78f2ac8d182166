package ingest

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pubsubadmin "cloud.google.com/go/pubsub/v2/apiv1"
	"github.com/googleapis/gax-go/v2"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// GCPercent is the GOGC of a process that runs a Worker, unless the environment
// sets another. Every collection scans the stacks of all waiting callbacks:
// collecting less often brings 6 % more events a second, for 30 MB.
const GCPercent = 150

// leaseTime is how long the lease of a held message is extended for. The library
// extends it again halfway through.
const leaseTime = 30 * time.Second

// silentAfter is the default of Options.SilentAfter: the client library asks for
// a sign of life every 30 seconds.
const silentAfter = 75 * time.Second

// Recorder commits deliveries. It returns one outcome for each; the caller must
// record those again that are [events.Unsettled]. The error says why they are.
type Recorder interface {
	Record(ctx context.Context, deliveries []events.Delivery) ([]events.Outcome, error)
}

// Options are the limits of a Worker. Every zero value means the default.
type Options struct {
	MaxOutstandingMessages int           // held at once, in all states; default 5,000
	MaxOutstandingBytes    int           // likewise, of message data; default 64 MiB
	MaxBatch               int           // items in one transaction; default 1,000
	MaxBatchBytes          int           // message data in one transaction; default 8 MiB
	Writers                int           // concurrent transactions; default 2
	RecordTimeout          time.Duration // for one transaction; default 15 s
	Grace                  time.Duration // to finish what is in flight after a stop; default 20 s
	SilentAfter            time.Duration // Pub/Sub may say nothing for so long; default 75 s

	// Decode turns a message into an event; default events.Decode.
	Decode func(attributes map[string]string, data []byte) (*events.Event, *events.Malformed)
	// These are called for each delivery once it is settled, for each message that
	// comes, with its delivery attempt if Pub/Sub counts them, and for each
	// transaction that was tried. They must be quick. Default: nothing.
	Observe  func(events.Delivery, events.Outcome)
	Received func(attempt *int)
	Tried    func(messages int, took time.Duration)

	Tracer trace.Tracer // nil: nothing is traced
}

func (o Options) withDefaults() Options {
	o.MaxOutstandingMessages = cmp.Or(o.MaxOutstandingMessages, 5_000)
	o.MaxOutstandingBytes = cmp.Or(o.MaxOutstandingBytes, 64<<20)
	o.MaxBatch = cmp.Or(o.MaxBatch, 1_000)
	o.MaxBatchBytes = cmp.Or(o.MaxBatchBytes, 8<<20)
	o.Writers = cmp.Or(o.Writers, 2)
	o.RecordTimeout = cmp.Or(o.RecordTimeout, 15*time.Second)
	o.Grace = cmp.Or(o.Grace, 20*time.Second)
	o.SilentAfter = cmp.Or(o.SilentAfter, silentAfter)
	if o.Decode == nil {
		o.Decode = events.Decode
	}
	if o.Observe == nil {
		o.Observe = func(events.Delivery, events.Outcome) {}
	}
	if o.Received == nil {
		o.Received = func(*int) {}
	}
	if o.Tried == nil {
		o.Tried = func(int, time.Duration) {}
	}
	return o
}

// Worker pulls one Pub/Sub subscription into a Recorder.
type Worker struct {
	sub      *pubsub.Subscriber
	recorder Recorder
	log      *zap.Logger
	opts     Options
	pending  chan *held
	free     sync.Pool      // of *held that have had their verdict
	apart    sync.WaitGroup // of messages that are held apart
	status   status

	subscriptions *pubsubadmin.SubscriptionAdminClient // to ask whether Pub/Sub is there
	broken        <-chan struct{}                      // gets a value when a stream breaks
}

// New returns a Worker for a subscriber of a client made by [NewClient]. It
// takes over the subscriber's ReceiveSettings.
func New(client *Client, subscription string, recorder Recorder, log *zap.Logger, opts Options) *Worker {
	opts = opts.withDefaults()
	sub := client.Subscriber(subscription)
	sub.ReceiveSettings.MaxOutstandingMessages = opts.MaxOutstandingMessages
	sub.ReceiveSettings.MaxOutstandingBytes = opts.MaxOutstandingBytes
	// A held message keeps its lease through an outage of this length; a
	// lease that ran out would cost a delivery attempt.
	sub.ReceiveSettings.MaxExtension = 12 * time.Hour
	// A lease outlives its stream and the process: messages that are lost with
	// either come again after this time. The library's default is a minute.
	sub.ReceiveSettings.MaxDurationPerAckExtension = leaseTime
	// ShutdownOptions stays nil: any other value loses the acks of messages in
	// flight when the process stops.
	w := &Worker{
		sub: sub, recorder: recorder, log: log, opts: opts,
		pending: make(chan *held, opts.MaxOutstandingMessages),
	}
	w.free.New = func() any { return &held{verdict: make(chan action, 1)} }
	w.status.heard = client.heard
	w.subscriptions, w.broken = client.SubscriptionAdminClient, client.broken
	return w
}

// Run pulls until ctx ends, then commits and acks the messages in flight. It
// returns an error with their number if it had to release some. It doesn't wait
// for a Pub/Sub that is gone: whose acks are lost comes again, as a duplicate.
func (w *Worker) Run(ctx context.Context) error {
	// Two contexts: ctx ends the pull, work ends the transactions.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()

	var writers sync.WaitGroup
	for range w.opts.Writers {
		writers.Go(func() { w.writeLoop(work) })
	}
	w.status.begin(time.Now())
	received := make(chan struct{})
	go func() {
		defer close(received)
		w.receiveLoop(ctx, work)
	}()
	var watching sync.WaitGroup
	watching.Go(func() { w.watch(ctx) })
	defer watching.Wait()

	<-ctx.Done()
	grace := time.NewTimer(w.opts.Grace)
	defer grace.Stop()
	stopping, stopAsking := context.WithCancel(work)
	defer stopAsking()
	gone := make(chan error, 1)
	watching.Go(func() { w.acksLost(stopping, gone) })
	left := 0 // messages that the database doesn't take
	var why error
	select {
	case <-received:
		// Every callback has returned, so nothing is pending.
		close(w.pending)
		writers.Wait()
		w.apart.Wait()
		return nil
	case why = <-gone:
	case <-grace.C:
		left, why = w.Status().Held, fmt.Errorf("not within %s", w.opts.Grace)
	}
	stopWork()
	writers.Wait()
	w.apart.Wait()
	// Receive itself goes on waiting for the leases that were given back, and
	// for Pub/Sub, until the client is closed: don't wait for it.
	if left == 0 {
		w.log.Warn("last acks not taken by Pub/Sub; what is recorded may come again, as duplicates", zap.Error(why))
		return nil
	}
	return fmt.Errorf("stop ingest: the database did not take %d held messages within %s; they stay unacked and Pub/Sub will deliver them again",
		left, w.opts.Grace)
}

// acksLost tells why Pub/Sub can't be reached, once it can't be and nothing is
// held any more: all is committed then, and Receive would try to ack it for long.
func (w *Worker) acksLost(ctx context.Context, gone chan<- error) {
	var err error
	for failures := 0; failures < 2; {
		if gax.Sleep(ctx, time.Second) != nil {
			return
		}
		if w.status.held.Load() > 0 {
			continue
		}
		soon, cancel := context.WithTimeout(ctx, 3*time.Second)
		if err = w.ask(soon); err == nil {
			failures = 0
		} else {
			failures++
		}
		cancel()
	}
	gone <- err
}
