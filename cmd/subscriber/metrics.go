package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/spacekeeper/spacekeeper/internal/ingest"
)

// newMetrics returns the worker's metrics, read from its status when they are
// scraped. No label takes a value from an event, so their number is fixed.
func newMetrics(status func() ingest.Status) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	counter := func(name, help string, labels prometheus.Labels, value func(ingest.Status) float64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels},
			func() float64 { return value(status()) }))
	}
	gauge := func(name, help string, value func(ingest.Status) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(status()) }))
	}
	const messages, messagesHelp = "spacekeeper_ingest_messages_total", "Pub/Sub messages that were committed and acked, by what became of them."
	counter(messages, messagesHelp, prometheus.Labels{"outcome": "recorded"}, func(s ingest.Status) float64 { return float64(s.Recorded) })
	counter(messages, messagesHelp, prometheus.Labels{"outcome": "duplicate"}, func(s ingest.Status) float64 { return float64(s.Duplicates) })
	counter(messages, messagesHelp, prometheus.Labels{"outcome": "quarantined"}, func(s ingest.Status) float64 { return float64(s.Quarantined) })
	counter("spacekeeper_ingest_items_total", "Items of recorded messages; a batch event has several.", nil,
		func(s ingest.Status) float64 { return float64(s.Items) })
	gauge("spacekeeper_ingest_held_messages", "Messages that wait for their commit.",
		func(s ingest.Status) float64 { return float64(s.Held) })
	gauge("spacekeeper_ingest_last_commit_timestamp_seconds", "When the last transaction was committed, in Unix time; 0 before the first.",
		func(s ingest.Status) float64 { return unixSeconds(s.LastCommit) })
	gauge("spacekeeper_ingest_last_heard_timestamp_seconds", "When Pub/Sub last said anything, in Unix time.",
		func(s ingest.Status) float64 { return unixSeconds(s.LastHeard) })
	gauge("spacekeeper_ingest_ready", "1 while events are received and recorded, 0 otherwise.", func(s ingest.Status) float64 {
		if len(unready(s, time.Now())) > 0 {
			return 0
		}
		return 1
	})
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}
