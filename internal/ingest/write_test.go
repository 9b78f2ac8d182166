package ingest

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// recorderFunc is a database that behaves as a test wants.
type recorderFunc func(context.Context, []events.Delivery) ([]events.Outcome, error)

func (f recorderFunc) Record(ctx context.Context, ds []events.Delivery) ([]events.Outcome, error) {
	return f(ctx, ds)
}

func all(ds []events.Delivery, o events.Outcome) []events.Outcome {
	os := make([]events.Outcome, len(ds))
	for i := range os {
		os[i] = o
	}
	return os
}

// newTestWorker is a Worker without Pub/Sub: messages are put into pending.
// They decode to as many items as message was told.
func newTestWorker(r Recorder, opts Options) *Worker {
	opts.Decode = func(attributes map[string]string, _ []byte) (*events.Event, *events.Malformed) {
		n, err := strconv.Atoi(attributes["items"])
		if err != nil {
			return nil, &events.Malformed{Reason: "test", Detail: err.Error()}
		}
		return &events.Event{Items: make([]events.Item, n)}, nil
	}
	opts = opts.withDefaults()
	return &Worker{
		recorder: r, log: zap.NewNop(), opts: opts, pending: make(chan *held, opts.MaxOutstandingMessages),
		status: status{heard: new(atomic.Int64)},
	}
}

func message(items, bytes int) *held {
	return &held{
		delivery: events.Delivery{
			Data: make([]byte, bytes), Attributes: map[string]string{"items": strconv.Itoa(items)},
			Event: &events.Event{Items: make([]events.Item, items)}, // for those who commit it without take
		},
		verdict: make(chan action, 1),
	}
}

func TestLoneMessageIsCommittedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorker(nil, Options{})
		w.pending <- message(1, 10)
		start := time.Now()
		batch, more := w.take(t.Context(), false)
		if len(batch) != 1 || !more {
			t.Fatalf("take = %d messages, more %t, want 1, true", len(batch), more)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("a lone message waited %s, want no wait", waited)
		}
	})
}

func TestBusyWriterWaitsForMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorker(nil, Options{})
		w.pending <- message(1, 10)
		time.AfterFunc(fillWait/2, func() { w.pending <- message(1, 10) })
		time.AfterFunc(fillWait*2, func() { w.pending <- message(1, 10) })
		start := time.Now()
		batch, _ := w.take(t.Context(), true)
		if len(batch) != 2 {
			t.Errorf("a busy writer took %d messages, want the 2 that came within the fill wait", len(batch))
		}
		if waited := time.Since(start); waited != fillWait {
			t.Errorf("a busy writer waited %s, want %s", waited, fillWait)
		}
		<-time.After(fillWait * 2) // lets the late message arrive, so that no timer is left
	})
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		items, bytes int
		want         int
	}{
		"items of batch events count": {items: 40, bytes: 10, want: 3},
		"bytes count":                 {items: 1, bytes: 600, want: 2},
		"messages count":              {items: 1, bytes: 1, want: 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTestWorker(nil, Options{MaxBatch: 100, MaxBatchBytes: 1000})
			for range 200 {
				w.pending <- message(tt.items, tt.bytes)
			}
			batch, _ := w.take(t.Context(), false)
			if len(batch) != tt.want {
				t.Errorf("took %d messages, want %d", len(batch), tt.want)
			}
		})
	}
}

func TestHoldsWhileDatabaseIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const outage = 3 * time.Hour
		start := time.Now()
		var attempts, tried int
		w := newTestWorker(recorderFunc(func(_ context.Context, ds []events.Delivery) ([]events.Outcome, error) {
			attempts++
			if time.Since(start) < outage {
				return all(ds, events.Unsettled), errors.New("connection refused")
			}
			return all(ds, events.Recorded), nil
		}), Options{Tried: func(messages int, _ time.Duration) { tried += messages }})
		m := message(1, 10)
		m.delivery.ReceivedAt = start
		go w.commit(t.Context(), []*held{m})

		synctest.Wait()
		if s := w.Status(); s.DatabaseDown == nil || !s.HeldSince.Equal(start) {
			t.Errorf("status = %+v, want that the database is down, and since when the message is held", s)
		}
		if got := <-m.verdict; got != ack {
			t.Errorf("verdict after the outage = %v, want ack", got)
		}
		if late := time.Since(start) - outage; late > 10*time.Second {
			t.Errorf("committed %s after the database came back, want within 10 s", late)
		}
		if most := int(outage/(3*time.Second)) + 20; attempts > most {
			t.Errorf("%d attempts in %s, want at most %d", attempts, outage, most)
		}
		synctest.Wait()
		if s := w.Status(); s.DatabaseDown != nil || s.Recorded != 1 || !s.HeldSince.IsZero() || tried != attempts {
			t.Errorf("status after the outage = %+v, want database up, 1 recorded and none held; %d transactions told of %d", s, tried, attempts)
		}
	})
}

func TestPartlySettledBatchKeepsTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		w := newTestWorker(recorderFunc(func(_ context.Context, ds []events.Delivery) ([]events.Outcome, error) {
			sizes = append(sizes, len(ds))
			os := all(ds, events.Unsettled)
			os[0] = events.Recorded
			if len(ds) > 1 {
				return os, errors.New("connection lost halfway")
			}
			return os, nil
		}), Options{})
		ms := []*held{message(1, 1), message(1, 1), message(1, 1)}
		w.commit(t.Context(), ms)
		for i, m := range ms {
			if got := <-m.verdict; got != ack {
				t.Errorf("verdict of message %d = %v, want ack", i, got)
			}
		}
		if len(sizes) != 3 || sizes[0] != 3 || sizes[1] != 2 || sizes[2] != 1 {
			t.Errorf("recorded in batches of %v, want [3 2 1]: what is settled must not be recorded again", sizes)
		}
	})
}

func TestReleasesWhenGraceIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		work, stop := context.WithCancel(t.Context())
		w := newTestWorker(recorderFunc(func(ctx context.Context, ds []events.Delivery) ([]events.Outcome, error) {
			return all(ds, events.Unsettled), errors.New("connection refused")
		}), Options{})
		m := message(1, 10)
		go w.commit(work, []*held{m})
		<-time.After(time.Minute)
		stop()
		if got := <-m.verdict; got != release {
			t.Errorf("verdict after the grace period = %v, want release", got)
		}
	})
}

// answer is an answer of the database with a code.
type answer string

func (a answer) Error() string    { return "the database says " + string(a) }
func (a answer) SQLState() string { return string(a) }

// A message that the database refuses, with a code that nobody listed, holds
// nothing but itself.
func TestRefusedMessagesAreHeldApart(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"XX000", "P0001", "0A000", "42804", "57014", "23502"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mended atomic.Bool
				var calls atomic.Int64
				w := newTestWorker(recorderFunc(func(_ context.Context, ds []events.Delivery) ([]events.Outcome, error) {
					calls.Add(1)
					for _, d := range ds {
						if d.MessageID == "bad" && !mended.Load() {
							return all(ds, events.Unsettled), answer(code)
						}
					}
					return all(ds, events.Recorded), nil
				}), Options{})
				work, stop := context.WithCancel(t.Context())
				defer func() { stop(); w.apart.Wait() }()
				came := time.Now()
				var batch, bad, good []*held
				for i := range 1000 {
					m := message(1, 1)
					if i%300 == 7 {
						m.delivery.MessageID, m.delivery.ReceivedAt = "bad", came
						bad = append(bad, m)
					} else {
						good = append(good, m)
					}
					batch = append(batch, m)
				}
				w.commit(work, batch) // returns: the writer is free
				for _, m := range good {
					if got := <-m.verdict; got != ack {
						t.Fatalf("verdict of a good message = %v, want ack", got)
					}
				}
				if n := calls.Load(); n > 100 {
					t.Errorf("%d transactions to find %d messages, want at most 100", n, len(bad))
				}
				if s := w.Status(); s.Refused != len(bad) || s.RefusedWhy == nil || s.DatabaseDown != nil || !s.HeldSince.Equal(came) {
					t.Errorf("status = %+v, want %d refused with the reason, and the database up", s, len(bad))
				}
				lone := message(1, 1)
				lone.delivery.MessageID, lone.delivery.ReceivedAt = "bad", came
				w.commit(work, []*held{lone})
				mended.Store(true)
				for _, m := range append(bad, lone) {
					if got := <-m.verdict; got != ack {
						t.Errorf("verdict once the database is mended = %v, want ack", got)
					}
				}
				w.apart.Wait()
				if s := w.Status(); s.Refused != 0 || s.RefusedWhy != nil || s.DatabaseDown != nil || !s.HeldSince.IsZero() {
					t.Errorf("status at the end = %+v, want none refused", s)
				}
			})
		})
	}
}

// A database that refuses everything is not searched through, and what is
// about the server is never taken for a message's fault.
func TestDatabaseThatRefusesAllIsToBlame(t *testing.T) {
	t.Parallel()
	for code, limit := range map[string]int{"42P01": 100, "53100": 20, "08006": 20, "57P01": 20, "25006": 20} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				w := newTestWorker(recorderFunc(func(_ context.Context, ds []events.Delivery) ([]events.Outcome, error) {
					calls++
					return all(ds, events.Unsettled), answer(code)
				}), Options{})
				var batch []*held
				for range 1000 {
					batch = append(batch, message(1, 1))
				}
				work, stop := context.WithTimeout(t.Context(), 30*time.Second)
				defer stop()
				w.commit(work, batch)
				if calls > limit {
					t.Errorf("%d transactions in 30 s, want at most %d", calls, limit)
				}
				if s := w.Status(); s.DatabaseDown == nil || s.Refused != 0 {
					t.Errorf("status = %+v, want the database down and none held apart", s)
				}
				for _, m := range batch {
					if got := <-m.verdict; got != release {
						t.Fatalf("verdict = %v, want release", got)
					}
				}
			})
		})
	}
}
