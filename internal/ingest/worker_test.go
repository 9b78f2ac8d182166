package ingest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/codes"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// The commit takes longer than the library gathers acks for, a tenth of a
// second; whenever acks arrive, as many messages are recorded.
func TestAcksAfterTheCommitAndNotBefore(t *testing.T) {
	t.Parallel()
	const total, gathers = 100, 100 * time.Millisecond
	f := start(t)
	commit := make(chan struct{})
	db := newMemory(func(context.Context) error { <-commit; return nil })
	f.OnCall(func(_ context.Context, c broker.Call) error {
		if c.Method == "Acknowledge" && c.Done {
			// In this order: what is recorded in between counts for the worker.
			if acked, recorded := f.stats(t).Acked, db.count(events.Recorded); acked > int64(recorded) {
				t.Errorf("%d messages were acked when %d were recorded", acked, recorded)
			}
		}
		return nil
	})
	w, stop := f.run(t, db, Options{}, nil)
	f.publish(t, 0, total, 10)
	eventually(t, time.Minute, "everything is held", func() bool { return w.Status().Held == total })
	<-time.After(10 * gathers)
	if s := f.stats(t); s.Acked != 0 {
		t.Errorf("%d messages were acked before their transaction committed", s.Acked)
	}
	close(commit)
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if s := f.stats(t); s.Acked != total || s.Nacked != 0 || s.Redelivered != 0 {
		t.Errorf("acked %d, nacked %d, redelivered %d, want %d, 0, 0", s.Acked, s.Nacked, s.Redelivered, total)
	}
	if s := w.Status(); s.Recorded != total || s.Held != 0 {
		t.Errorf("status after the end = %+v", s)
	}
}

// A message reaches the database whole, whether it can be decoded or not:
// quarantine keeps what is handed over here.
func TestMessagesAreHandedOverWhole(t *testing.T) {
	t.Parallel()
	f := start(t)
	want := map[string]*pubsubpb.PubsubMessage{}
	for _, data := range []string{string(created(1, 10).GetData()), "not JSON", ""} {
		m := created(1, 10)
		m.Data, m.OrderingKey = []byte(data), "//workspaceevents.googleapis.com/subscriptions/s"
		m.Attributes["more"] = "kept"
		ids, err := f.Publish(topicName, m)
		if err != nil {
			t.Fatal(err)
		}
		want[ids[0]] = m
	}
	published := time.Now()
	db := &keeper{memory: newMemory(nil)}
	_, stop := f.run(t, db, Options{}, nil)
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if len(db.kept) != len(want) {
		t.Errorf("%d messages were handed over, want %d", len(db.kept), len(want))
	}
	for _, d := range db.kept {
		m := want[d.MessageID]
		if m == nil {
			t.Fatalf("a message %q was not published", d.MessageID)
		}
		if !maps.Equal(d.Attributes, m.Attributes) || d.OrderingKey != m.OrderingKey || !bytes.Equal(d.Data, m.Data) {
			t.Errorf("got attributes %v, ordering key %q, data %q, want %v, %q, %q", d.Attributes, d.OrderingKey, d.Data, m.Attributes, m.OrderingKey, m.Data)
		}
		if age := published.Sub(d.PublishTime); d.PublishTime.IsZero() || age.Abs() > time.Minute || d.ReceivedAt.Before(d.PublishTime.Truncate(time.Second)) {
			t.Errorf("published at %s, received at %s, want both about %s", d.PublishTime, d.ReceivedAt, published)
		}
	}
}

// keeper is a database that keeps the deliveries as they are.
type keeper struct {
	*memory
	kept []events.Delivery
}

func (k *keeper) Record(ctx context.Context, ds []events.Delivery) ([]events.Outcome, error) {
	k.mu.Lock()
	for _, d := range ds {
		d.Attributes, d.Data = maps.Clone(d.Attributes), bytes.Clone(d.Data)
		k.kept = append(k.kept, d)
	}
	k.mu.Unlock()
	return k.memory.Record(ctx, ds)
}

// Row P6: what is held is bounded in number and in bytes, however much waits.
func TestHoldsNoMoreThanItsLimits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts Options
		size int
		most int64
	}{
		"messages": {Options{MaxOutstandingMessages: 50}, 10, 50},
		"bytes":    {Options{MaxOutstandingBytes: 1 << 20}, 100_000, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			commit := make(chan struct{})
			db := newMemory(func(context.Context) error { <-commit; return nil })
			w, stop := f.run(t, db, tt.opts, nil)
			f.publish(t, 0, 500, tt.size)
			eventually(t, time.Minute, "the worker holds what it may", func() bool { return int64(w.Status().Held) >= tt.most })
			close(commit)
			if err := f.WaitIdle(t.Context(), subName); err != nil {
				t.Fatal(err)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			// A byte limit lets the one message in that crosses it.
			if s := f.stats(t); s.MaxOutstanding > tt.most+1 {
				t.Errorf("held up to %d messages, want at most %d", s.MaxOutstanding, tt.most)
			}
		})
	}
}

// Row P9: a payload that makes the decoder panic costs itself and nothing else.
func TestDecoderPanicIsQuarantined(t *testing.T) {
	t.Parallel()
	const total = 2_000
	f := start(t)
	db := newMemory(nil)
	opts := Options{Decode: func(attributes map[string]string, data []byte) (*events.Event, *events.Malformed) {
		if attributes["ce-id"] == "spaces/S/spaceEvents/77" {
			panic("index out of range")
		}
		return events.Decode(attributes, data)
	}}
	_, stop := f.run(t, db, opts, nil)
	f.publish(t, 0, total, 10)
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if r, q := db.count(events.Recorded), db.count(events.Quarantined); r != total-1 || q != 1 {
		t.Errorf("recorded %d, quarantined %d, want %d and 1", r, q, total-1)
	}
}

// Row P7: whatever ends Receive, it is started again.
func TestReceiveIsStartedAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code codes.Code
		says string
	}{
		{codes.NotFound, "does not exist"},
		{codes.PermissionDenied, "roles/pubsub.subscriber"},
		{codes.Unauthenticated, "Unauthenticated"},
		{codes.ResourceExhausted, "ResourceExhausted"},
	} {
		t.Run(tt.code.String(), func(t *testing.T) {
			t.Parallel()
			f := start(t)
			w, stop := f.run(t, newMemory(nil), Options{}, nil)
			f.publish(t, 0, 10, 10)
			if err := f.WaitIdle(t.Context(), subName); err != nil {
				t.Fatal(err)
			}
			if err := f.FailStreams(subName, tt.code); err != nil {
				t.Fatal(err)
			}
			eventually(t, time.Minute, "the status shows why", func() bool {
				s := w.Status()
				return !s.Receiving && s.ReceiveError != nil && strings.Contains(s.ReceiveError.Error(), tt.says)
			})
			if err := f.Heal(subName); err != nil {
				t.Fatal(err)
			}
			f.publish(t, 10, 10, 10)
			if err := f.WaitIdle(t.Context(), subName); err != nil {
				t.Fatal(err)
			}
			if s := w.Status(); !s.Receiving || s.ReceiveError != nil {
				t.Errorf("status after recovery = %+v", s)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Rows P3 and P5: a stop in the middle of a flood acks all that it commits,
// and no transaction sees its context end. The same stop with any
// ShutdownOptions loses acks, which shows that this test can see it.
func TestStopLosesNoAck(t *testing.T) {
	t.Parallel()
	rounds := 3
	if *full {
		rounds = 50
	}
	for name, tt := range map[string]struct {
		change func(*Worker)
		loses  bool
	}{
		"as it is": {nil, false},
		"with ShutdownOptions": {func(w *Worker) {
			w.sub.ReceiveSettings.ShutdownOptions = &pubsub.ShutdownOptions{
				Timeout: 10 * time.Second, Behavior: pubsub.ShutdownBehaviorWaitForProcessing,
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lost, committed int
			for range rounds {
				l, c := stopUnderLoad(t, tt.change)
				lost, committed = lost+l, committed+c
			}
			t.Logf("%d of %d committed messages were not acked", lost, committed)
			if tt.loses && lost == 0 {
				t.Error("no ack was lost; this test would not notice if one were")
			}
			if !tt.loses && lost*1000 > committed {
				t.Errorf("%d of %d committed messages were not acked, want at most 0.1 %%", lost, committed)
			}
		})
	}
}

func stopUnderLoad(t *testing.T, change func(*Worker)) (lost, committed int) {
	f := start(t)
	started := make(chan struct{}, 1000)
	db := newMemory(func(ctx context.Context) error {
		started <- struct{}{}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
			return nil
		}
	})
	w, stop := f.run(t, db, Options{MaxBatch: 50}, change)
	f.publish(t, 0, 500, 10)
	for range 3 {
		<-started
	}
	if err := stop(); err != nil { // within the grace period
		t.Error(err)
	}
	if err := w.Status().DatabaseDown; err != nil {
		t.Errorf("a transaction failed during the stop: %v", err)
	}
	committed = db.count(events.Recorded)
	return committed - int(f.stats(t).Acked), committed
}

// Row P1 at a stop: what the database doesn't take is given back without a
// nack, and the stop says so.
func TestStopWithTheDatabaseAway(t *testing.T) {
	t.Parallel()
	f := start(t)
	down := errors.New("connection refused")
	w, stop := f.run(t, newMemory(func(context.Context) error { return down }), Options{Grace: 200 * time.Millisecond}, nil)
	f.publish(t, 0, 20, 10)
	eventually(t, time.Minute, "the status shows the outage", func() bool {
		s := w.Status()
		return s.Held == 20 && errors.Is(s.DatabaseDown, down)
	})
	err := stop()
	if err == nil || !strings.Contains(err.Error(), "Pub/Sub will deliver them again") {
		t.Errorf("Run = %v, want an error that says what happens to the messages", err)
	}
	if s := f.stats(t); s.Acked != 0 || s.Nacked != 0 {
		t.Errorf("acked %d, nacked %d, want 0 and 0", s.Acked, s.Nacked)
	}
}

// Without Pub/Sub there is nothing to wait for once all is committed, and the
// database isn't to blame.
func TestStopWithPubSubAway(t *testing.T) {
	t.Parallel()
	for name, goes := range map[string]func(*blackhole){
		"closed":    (*blackhole).close,
		"swallowed": func(b *blackhole) { b.swallow(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			net := newBlackhole(t, f.addr)
			f.addr = net.addr()
			core, logs := observer.New(zap.WarnLevel)
			w := New(f.client(t), subName, newMemory(nil), zap.New(core), Options{Grace: time.Hour})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- w.Run(ctx) }()
			f.publish(t, 0, 10, 10)
			if err := f.WaitIdle(t.Context(), subName); err != nil {
				t.Fatal(err)
			}
			goes(net)
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("Run = %v, want none: all is committed", err)
				}
			case <-time.After(2 * time.Minute):
				t.Fatal("the stop waits for the grace period")
			}
			told := logs.FilterMessage("last acks not taken by Pub/Sub; what is recorded may come again, as duplicates")
			if told.Len() != 1 {
				t.Errorf("it is told %d times, want once", told.Len())
			}
			for _, e := range logs.All() {
				if strings.Contains(e.Message, "database") {
					t.Errorf("the database is blamed: %s", e.Message)
				}
			}
		})
	}
}

// Row P2 at the level of the worker: copies under other message ids and
// redeliveries after a lost ack are recorded once.
func TestDuplicatesAreDropped(t *testing.T) {
	t.Parallel()
	const total = 200
	f := start(t)
	db := newMemory(nil)
	if err := f.Duplicate(topicName, total); err != nil {
		t.Fatal(err)
	}
	w, stop := f.run(t, db, Options{}, nil)
	f.publish(t, 0, total, 10)
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if s := w.Status(); s.Recorded != total || s.Duplicates != total {
		t.Errorf("recorded %d, duplicates %d, want %d and %d", s.Recorded, s.Duplicates, total, total)
	}
}
