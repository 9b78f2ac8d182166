package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// newMetrics returns the worker's metrics, read from its status when they are
// scraped. No label takes a value from an event, so their number is fixed.
func newMetrics(status func() ingest.Status, keeper *keeperStatus, more ...prometheus.Collector) *prometheus.Registry {
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
	addKeeperMetrics(reg, keeper)
	reg.MustRegister(more...)
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// addKeeperMetrics adds what this process's passes of the keeper found.
func addKeeperMetrics(reg *prometheus.Registry, keeper *keeperStatus) {
	gauge := func(name, help string, value func(*keeperStatus) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return keeper.read(value) }))
	}
	gauge("spacekeeper_keeper_last_pass_timestamp_seconds", "When this process last looked at all subscriptions, in Unix time; 0 before the first time.",
		func(s *keeperStatus) float64 { return unixSeconds(s.at) })
	gauge("spacekeeper_keeper_parked_subscriptions", "Subscriptions that wait for a person, at the last pass.",
		func(s *keeperStatus) float64 { return float64(s.last.Parked) })
	gauge("spacekeeper_keeper_failing_subscriptions", "Subscriptions that could not be brought in order by the last pass.",
		func(s *keeperStatus) float64 { return float64(s.last.Failed) })
	gauge("spacekeeper_keeper_foreign_subscriptions", "Subscriptions on the topic that nobody here asked for, at the last pass.",
		func(s *keeperStatus) float64 { return float64(s.last.Foreign) })
	reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "spacekeeper_keeper_failed_passes_total", Help: "Passes that could not look at the subscriptions.",
	}, func() float64 { return keeper.read(func(s *keeperStatus) float64 { return float64(s.failed) }) }))
	for _, state := range []string{store.GapOpen, store.GapPending, store.GapImpossible} {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "spacekeeper_coverage_gaps", Help: "Gaps in the coverage that aren't repaired, after this process's last pass.",
			ConstLabels: prometheus.Labels{"state": state},
		}, func() float64 { return keeper.read(func(s *keeperStatus) float64 { return float64(s.gaps[state]) }) }))
	}
	for _, kind := range []subscriptions.Kind{subscriptions.Create, subscriptions.Update, subscriptions.Replace, subscriptions.Renew, subscriptions.Reactivate} {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "spacekeeper_keeper_changes_total", Help: "Changes to subscriptions that passes set out to make, failed ones included.",
			ConstLabels: prometheus.Labels{"action": string(kind)},
		}, func() float64 { return keeper.read(func(s *keeperStatus) float64 { return float64(s.changes[kind]) }) }))
	}
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}
