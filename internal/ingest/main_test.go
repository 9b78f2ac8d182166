package ingest

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"google.golang.org/grpc/keepalive"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
	"github.com/spacekeeper/spacekeeper/internal/waittest"
)

func TestMain(m *testing.M) {
	waittest.AtOnce(8)
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The library's keep-alive goroutine notices up to 10 s late that its stream is gone.
		goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"),
		// What waits for it, or for the leases of messages on a stream that broke.
		goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).sender"),
		goleak.IgnoreAnyFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).stop"),
	)
}

const (
	topicName = "projects/p/topics/events"
	subName   = "projects/p/subscriptions/worker"
)

// fixture is a broker with one topic and one subscription.
type fixture struct {
	*broker.Server
	addr  string                     // where workers connect: the broker itself, or a proxy
	pings keepalive.ClientParameters // as in production if zero
}

func start(t *testing.T) *fixture { return startWith(t, broker.Options{}) }

func startWith(t *testing.T, o broker.Options) *fixture {
	t.Helper()
	server, err := broker.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	f := &fixture{Server: server, addr: server.Addr()}
	client := f.client(t)
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topicName}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subName, Topic: topicName}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) client(t *testing.T) *Client {
	t.Helper()
	client, err := newClient(t.Context(), "p", f.addr, cmp.Or(f.pings, pings))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// publish puts n message.created events of size bytes or a little more into
// the topic.
func (f *fixture) publish(t *testing.T, from, n, size int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if _, err := f.Publish(topicName, created(i, size)); err != nil {
			t.Fatal(err)
		}
	}
}

func created(i, size int) *pubsubpb.PubsubMessage {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	return &pubsubpb.PubsubMessage{
		Attributes: map[string]string{
			"ce-id": fmt.Sprintf("spaces/S/spaceEvents/%d", i), "ce-type": "google.workspace.chat.message.v1.created",
			"ce-source": "//workspaceevents.googleapis.com/subscriptions/s", "ce-subject": "//chat.googleapis.com/spaces/S",
			"ce-time": now, "ce-specversion": "1.0", "ce-datacontenttype": "application/json",
		},
		Data: fmt.Appendf(nil, `{"message":{"name":"spaces/S/messages/%d","sender":{"name":"users/1","type":"HUMAN"},"createTime":%q,"text":"%0*d"}}`, i, now, size, i),
	}
}

func (f *fixture) stats(t *testing.T) broker.Stats {
	t.Helper()
	s, err := f.Stats(subName)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run starts a worker; stop ends it and returns what Run returned.
func (f *fixture) run(t *testing.T, r Recorder, opts Options, change func(*Worker)) (w *Worker, stop func() error) {
	t.Helper()
	w = New(f.client(t), subName, r, zaptest.NewLogger(t, zaptest.Level(zap.FatalLevel)), opts)
	if change != nil {
		change(w)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return w, stop
}

// eventually waits until ok answers true.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s in vain until %s", limit, what)
		}
	}
}

// memory is a database in memory: it records each event id once.
type memory struct {
	mu       sync.Mutex
	rows     map[string]int              // ce-id → times it was new
	outcomes map[events.Outcome]int      //
	before   func(context.Context) error // runs before each transaction, if set
}

func newMemory(before func(context.Context) error) *memory {
	return &memory{rows: map[string]int{}, outcomes: map[events.Outcome]int{}, before: before}
}

func (m *memory) Record(ctx context.Context, ds []events.Delivery) ([]events.Outcome, error) {
	if m.before != nil {
		if err := m.before(ctx); err != nil {
			return all(ds, events.Unsettled), err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	os := make([]events.Outcome, len(ds))
	for i, d := range ds {
		switch {
		case d.Malformed != nil:
			os[i] = events.Quarantined
		case m.rows[d.Event.ID] > 0:
			os[i] = events.Duplicate
		default:
			m.rows[d.Event.ID]++
			os[i] = events.Recorded
		}
		m.outcomes[os[i]]++
	}
	return os, nil
}

func (m *memory) count(o events.Outcome) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.outcomes[o]
}
