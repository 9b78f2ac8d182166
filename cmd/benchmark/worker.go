package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/prometheus/procfs"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/tracing"
	"github.com/spacekeeper/spacekeeper/internal/worker"
)

// work does a task and measures it.
func work(ctx context.Context, t task) (result, error) {
	if t.Design == bulk {
		return insertBulk(ctx, t)
	}
	client, err := ingest.NewClient(ctx, project, t.Addr)
	if err != nil {
		return result{}, err
	}
	defer client.Close() //nolint:errcheck // the process ends
	var run func(ctx context.Context, m *meter) error
	switch t.Design {
	case pullOnly:
		run = func(ctx context.Context, m *meter) error {
			sub := client.Subscriber(subscriptionName)
			sub.ReceiveSettings.MaxOutstandingMessages = 10_000
			return sub.Receive(ctx, func(_ context.Context, msg *pubsub.Message) {
				msg.Ack()
				m.done(msg.PublishTime)
			})
		}
	case naive:
		db, err := openNaive(ctx, t.DSN)
		if err != nil {
			return result{}, err
		}
		defer db.close()
		run = func(ctx context.Context, m *meter) error {
			// The library's own settings, as in Google's samples.
			return client.Subscriber(subscriptionName).Receive(ctx, func(_ context.Context, msg *pubsub.Message) {
				if err := db.record(context.WithoutCancel(ctx), msg); err != nil {
					msg.Nack()
					return
				}
				msg.Ack()
				m.done(msg.PublishTime)
			})
		}
	case ours, ruled, hundred, thousand, metered, traced:
		set, err := ruleSet(t.Design)
		if err != nil {
			return result{}, err
		}
		db, err := store.Open(ctx, t.DSN, store.Options{})
		if err != nil {
			return result{}, err
		}
		defer db.Close()
		reacted := runs.New(db)
		eventLog, err := eventlog.New(db, set, reacted)
		if err != nil {
			return result{}, err
		}
		debug.SetGCPercent(ingest.GCPercent) // as subscriber run does
		run = func(ctx context.Context, m *meter) error {
			o := ingest.Options{Observe: func(d events.Delivery, _ events.Outcome) { m.done(d.PublishTime) }}
			if t.Design == metered || t.Design == traced {
				worker.MeasureIngest(&o, time.Now)
			}
			if t.Design == traced {
				tracer, stop, err := traceToNobody(ctx)
				if err != nil {
					return err
				}
				defer stop()
				o.Tracer = tracer
			}
			w := ingest.New(client, subscriptionName, eventLog, zap.NewNop(), o)
			m.held = func() int { return w.Status().Held }
			g, ctx := errgroup.WithContext(ctx)
			g.Go(func() error {
				reacted.KeepFlushing(ctx)
				return nil
			})
			g.Go(func() error { return w.Run(ctx) })
			return g.Wait()
		}
	default:
		return result{}, fmt.Errorf("no such design: %q", t.Design)
	}
	return measure(ctx, t, run)
}

// traceToNobody sends traces to a collector that drops them.
func traceToNobody(ctx context.Context) (trace.Tracer, func(), error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("listen for traces: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // whoever sends them looks after errors
	})}
	go func() { _ = server.Serve(l) }() // until it is closed
	tracer, stop, err := tracing.Start(ctx, func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + l.Addr().String()}[name]
	}, "benchmark", zap.NewNop())
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	return tracer, func() {
		stop()
		_ = server.Close()
	}, nil
}

// meter counts what is committed and knows when everything is.
type meter struct {
	total   int64
	count   atomic.Int64
	started atomic.Int64 // unix nanoseconds of the first
	ended   atomic.Int64 // of the last
	all     chan struct{}
	latency chan time.Duration // nil: not asked for
	held    func() int
}

func (m *meter) done(published time.Time) {
	now := time.Now()
	n := m.count.Add(1)
	if n == 1 {
		m.started.Store(now.UnixNano())
	}
	if m.latency != nil {
		m.latency <- now.Sub(published)
	}
	if n == m.total {
		m.ended.Store(now.UnixNano())
		close(m.all)
	}
}

func measure(ctx context.Context, t task, run func(context.Context, *meter) error) (result, error) {
	m := &meter{total: int64(t.Messages), all: make(chan struct{})}
	if t.Rate > 0 {
		m.latency = make(chan time.Duration, t.Messages)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	before := processCPU()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, m) }()
	r := result{}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting; {
		select {
		case <-m.all:
			waiting = false
		case <-tick.C:
			if m.held != nil {
				r.Held = max(r.Held, m.held())
			}
		case err := <-ended:
			return r, fmt.Errorf("%s ended after %d of %d messages: %w", t.Design, m.count.Load(), t.Messages, err)
		}
	}
	r.Events, r.CPU = t.Messages, processCPU()-before
	r.Elapsed = time.Duration(m.ended.Load() - m.started.Load())
	r.MaxRSS = maxRSS()
	cancel()
	if err := <-ended; err != nil {
		return r, fmt.Errorf("stop %s: %w", t.Design, err)
	}
	if m.latency != nil {
		close(m.latency)
		skip := t.Rate // the first second warms up
		for d := range m.latency {
			if skip--; skip < 0 {
				r.Latency = append(r.Latency, d)
			}
		}
	}
	return r, nil
}

// processCPU is the CPU time that this process has used; 0 where there is no /proc.
func processCPU() time.Duration {
	s, _ := readStat(os.Getpid())
	return time.Duration(s.CPUTime() * float64(time.Second))
}

// maxRSS is the most memory that this process has had, in bytes; 0 where there is no /proc.
func maxRSS() int64 {
	p, _ := procfs.Self()
	s, _ := p.NewStatus()
	return int64(s.VmHWM)
}
